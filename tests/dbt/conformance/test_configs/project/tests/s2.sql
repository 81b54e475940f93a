{{ config(severity='warn', tags=['x'], meta={'a': 1}, limit=2) }}
select * from {{ source('raw', 'nums') }} -- trailing comment
