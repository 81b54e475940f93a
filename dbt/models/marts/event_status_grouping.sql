{{ config(location=gold_file('event_status_grouping')) }}
select
    page,
    method,
    status,
    cast(sum(event_count) as bigint) as event_count
from {{ ref('int_page_status') }}
group by page, method, status
order by page, method, status
