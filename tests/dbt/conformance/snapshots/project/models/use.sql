select id, count(*) as versions, count(*) filter (where dbt_valid_to is null) as open from {{ ref('s_check') }} group by 1
