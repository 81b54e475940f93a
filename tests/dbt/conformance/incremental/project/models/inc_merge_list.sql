{{ config(incremental_strategy='merge', unique_key=['id','grp']) }}
select * from {{ ref('src') }}
