-- Listens by batch, user, UTC day, level and the state the user was in. Rows without a user belong to nobody's count.
select
    batch,
    userId,
    {{ day_number('ts') }} as day_number,
    level,
    state,
    count(*) as listen_count,
    count(duration) as duration_count,
    cast(sum({{ microseconds('duration') }}) as bigint) as duration_us
from {{ ref('fact_listen_events') }}
where userId is not null
{{ new_batches() }}
group by batch, userId, {{ day_number('ts') }}, level, state
