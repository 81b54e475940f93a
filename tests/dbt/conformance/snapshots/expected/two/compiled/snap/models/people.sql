select 1 as id, 'anna' as name, 10 as score, timestamp '2024-02-01' as updated_at
union all select 2, 'bob', 21, timestamp '2024-01-01'
union all select 4, 'dan', 1, timestamp '2024-02-02'
