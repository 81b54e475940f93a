{{ config(location=gold_file('mean_session_time')) }}
-- A session is (userId, sessionId); its time is its last page view less its first, 0 with one view.
with sessions as (
    select
        userId,
        sessionId,
        max(last_ts) - min(first_ts) as session_ms
    from {{ ref('int_sessions') }}
    group by userId, sessionId
),

users as (
    select
        userId,
        count(*) as session_count,
        cast(sum(session_ms) as bigint) as total_ms
    from sessions
    group by userId
)

select
    userId,
    session_count,
    total_ms / nullif(session_count * 1000, 0) as mean_session_time
from users
order by userId
