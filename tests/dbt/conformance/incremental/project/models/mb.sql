{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ts', batch_size='day', begin='2024-03-01', lookback=1, unique_key='id') }}
select *, '{{ model.batch.id if model.batch else "none" }}' as batch from {{ ref('mb_src') }}
