{{ config(materialized='table') }}
{% if var('round') == 1 %}
select * from {{ ref('base') }}
{% else %}
select id, grp, val + 100 * {{ var('round') }} as val, ts + interval 1 day * {{ var('round') }} as ts from {{ ref('base') }} where id > 2
union all select 10 + {{ var('round') }}, 'c', 5, timestamp '2024-02-01'
{% endif %}
