-- Listens by batch, UTC day and hour.
select
    batch,
    {{ day_number('ts') }} as day_number,
    cast(hour as int) as hour,
    count(*) as listen_count
from {{ ref('fact_listen_events') }}
where userId is not null
{{ new_batches() }}
group by batch, {{ day_number('ts') }}, cast(hour as int)
