{{ config(location=gold_file('new_user_week1_behavior')) }}
with listens as (
    select distinct
        w.userId,
        w.registration,
        w.sessionId,
        w.itemInSession,
        w.ts,
        w.song,
        w.artist
    from {{ ref('int_week1_listens') }} as w
    inner join {{ ref('dim_user') }} as u on u.userId = w.userId and u.registration = w.registration
    where w.sessionId is not null
)

select
    userId,
    registration,
    count(*) as listen_count,
    count(distinct sessionId) as session_count,
    count(distinct (song, artist)) as distinct_songs,
    count(distinct {{ day_number('ts') }}) as active_days
from listens
group by userId, registration
order by userId
