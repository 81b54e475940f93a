select d.*, '{{ ref('dedup') }}' as name from {{ ref('dedup') }} as d
