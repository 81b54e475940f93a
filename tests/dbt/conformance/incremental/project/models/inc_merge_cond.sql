{{ config(incremental_strategy='merge', unique_key='id', merge_update_condition='DBT_INTERNAL_SOURCE.val > 200', merge_insert_condition="DBT_INTERNAL_SOURCE.grp <> 'c'") }}
select * from {{ ref('src') }}
