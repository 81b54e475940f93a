{{ config(incremental_strategy='append', full_refresh=false) }}
select *, {{ is_incremental() }} as inc from {{ ref('src') }}
