{{ config(materialized='table') }}
{% if var('round') == 1 %}
select 1 as id, 'ann' as name, 10 as score, timestamp '2024-01-01' as updated_at
union all select 2, 'bob', 20, timestamp '2024-01-01'
union all select 3, 'cid', null, timestamp '2024-01-02'
{% elif var('round') == 2 %}
select 1 as id, 'anna' as name, 10 as score, timestamp '2024-02-01' as updated_at
union all select 2, 'bob', 21, timestamp '2024-01-01'
union all select 4, 'dan', 1, timestamp '2024-02-02'
{% else %}
select 1 as id, 'anna' as name, 10 as score, timestamp '2024-02-01' as updated_at, 'x' as extra
union all select 3, 'cid', 5, timestamp '2024-03-02', 'y'
union all select 4, 'dan', null, timestamp '2024-02-02', null
{% endif %}
