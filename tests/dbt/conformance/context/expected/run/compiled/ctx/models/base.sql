select 1::integer as id, 'ann' as name, 1.5::decimal(10,2) as amt, date '2024-01-01' as d, timestamp '2024-01-01 10:00:00' as ts, true as ok, null::varchar as nul, 2.5::double as f, [1,2] as arr, 10000000000::bigint as big
union all select 2, 'bo''b', 2.25, date '2024-02-01', timestamp '2024-02-01 11:30:00.5', false, 'x', 0.1, [3], 5
union all select 3, null, null, null, null, null, null, null, null, null
