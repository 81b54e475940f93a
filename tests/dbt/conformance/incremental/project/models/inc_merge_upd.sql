{{ config(incremental_strategy='merge', unique_key='id', merge_update_columns=['val'], incremental_predicates=["DBT_INTERNAL_DEST.ts > timestamp '2020-01-01'"]) }}
select * from {{ ref('src') }}
