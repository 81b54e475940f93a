-- A known mistake: session time as the mean of a flag (then it lies in 0 … 1 and does not grow with the session), or in
-- milliseconds. Recomputed from the facts, session by session.
with sessions as (
    select userId, sessionId, max(ts) - min(ts) as session_ms
    from {{ ref('fact_page_view_events') }}
    where userId is not null
    group by userId, sessionId
),

users as (
    select userId, count(*) as session_count, cast(sum(session_ms) as bigint) as total_ms from sessions group by userId
)

select u.userId
from users as u
full outer join {{ ref('mean_session_time') }} as m on m.userId = u.userId
where u.userId is null or m.userId is null
or m.session_count <> u.session_count
or abs(m.mean_session_time * u.session_count * 1000 - u.total_ms) > 0.001 * (1 + u.total_ms)
