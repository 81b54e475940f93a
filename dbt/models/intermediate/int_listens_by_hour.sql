-- Listens by batch, ISO weekday and hour, UTC.
select
    batch,
    {{ iso_weekday(day_number('ts')) }} as weekday,
    cast(hour as int) as hour,
    count(*) as listen_count
from {{ ref('fact_listen_events') }}
where userId is not null
{{ new_batches() }}
group by batch, {{ iso_weekday(day_number('ts')) }}, cast(hour as int)
