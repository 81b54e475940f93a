-- Days on which a user did anything that we saw, by batch; `cancelled` where the account was closed on that day.
select
    batch,
    userId,
    day_number,
    max(cancelled) as cancelled
from (
    select
        batch,
        userId,
        {{ day_number('ts') }} as day_number,
        case when page = 'Cancellation Confirmation' then 1 else 0 end as cancelled
    from {{ ref('fact_page_view_events') }}
    where userId is not null
    {{ new_batches() }}
    union all
    select
        batch,
        userId,
        {{ day_number('ts') }} as day_number,
        0 as cancelled
    from {{ ref('fact_listen_events') }}
    where userId is not null
    {{ new_batches() }}
) as activity
group by batch, userId, day_number
