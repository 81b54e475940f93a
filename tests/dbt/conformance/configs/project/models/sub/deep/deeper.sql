select z as zz from {{ ref('deepm') }}
