select 1 as id, 'anna' as name, 10 as score, timestamp '2024-02-01' as updated_at, 'x' as extra
union all select 3, 'cid', 5, timestamp '2024-03-02', 'y'
union all select 4, 'dan', null, timestamp '2024-02-02', null
