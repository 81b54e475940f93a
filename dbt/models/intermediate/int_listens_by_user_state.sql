-- Listens by batch, user and the state the user was in.
select
    batch,
    userId,
    state,
    count(*) as listen_count
from {{ ref('fact_listen_events') }}
where userId is not null
{{ new_batches() }}
group by batch, userId, state
