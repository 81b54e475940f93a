select 'kit' as who, * from {{ ref('kitdata') }}
