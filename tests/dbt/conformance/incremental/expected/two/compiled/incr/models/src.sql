select id, grp, val + 100 * 2 as val, ts + interval 1 day * 2 as ts from "dev"."main"."base" where id > 2
union all select 10 + 2, 'c', 5, timestamp '2024-02-01'
