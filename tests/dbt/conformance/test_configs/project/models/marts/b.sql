select id, n, kind from {{ ref('a') }}
