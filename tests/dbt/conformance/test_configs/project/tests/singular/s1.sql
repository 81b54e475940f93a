{{ config(store_failures=true) }}
select * from {{ ref('b') }} where n > 10
