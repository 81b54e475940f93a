select * from {{ ref('src') }}
