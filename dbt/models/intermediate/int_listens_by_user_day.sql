-- Listens by batch, user, UTC day and level. Rows without a user belong to nobody's count.
select
    batch,
    userId,
    {{ day_number('ts') }} as day_number,
    level,
    count(*) as listen_count,
    count(duration) as duration_count,
    cast(sum({{ microseconds('duration') }}) as bigint) as duration_us
from {{ ref('fact_listen_events') }}
where userId is not null
{{ new_batches() }}
group by batch, userId, {{ day_number('ts') }}, level
