-- Page views by batch, page, method and status, logged-out ones included.
select
    batch,
    page,
    method,
    cast(status as int) as status,
    count(*) as event_count
from {{ ref('fact_page_view_events') }}
where true
{{ new_batches() }}
group by batch, page, method, cast(status as int)
