select 1 as id, 'ann' as name, 10 as score, timestamp '2024-01-01' as updated_at
union all select 2, 'bob', 20, timestamp '2024-01-01'
union all select 3, 'cid', null, timestamp '2024-01-02'
