select 1 as a from {{ ref('zseed') }}
