with q as (select * from {{ ref('deeper') }}) select q.zz, d.z from q, {{ ref('deepm') }} d
