select * from {{ ref('nums') }} where id < 3
