select id, grp, val + 100 * 3 as val, ts + interval 1 day * 3 as ts from "dev"."main"."base" where id > 2
union all select 10 + 3, 'c', 5, timestamp '2024-02-01'
