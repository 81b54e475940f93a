{{ config(materialized='view' if var('round') == 1 else ('table' if var('round') == 2 else 'incremental')) }}
select id, val from {{ ref('src') }}
