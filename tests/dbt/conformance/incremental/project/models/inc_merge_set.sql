{{ config(incremental_strategy='merge', unique_key='id', merge_update_set_expressions={'val': 'DBT_INTERNAL_SOURCE.val * 2'}) }}
select * from {{ ref('src') }}
