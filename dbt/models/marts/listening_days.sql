{{ config(location=gold_file('listening_days')) }}
-- What the dashboards filter: a user's listening by UTC date, level and state.
select
    userId,
    {{ day_text('day_number') }} as listen_date,
    {{ iso_weekday('day_number') }} as weekday,
    level,
    state,
    cast(sum(listen_count) as bigint) as listen_count,
    cast(sum(duration_us) as bigint) as listening_us
from {{ ref('int_listens_by_user_day') }}
group by userId, day_number, level, state
order by listen_date, userId, level, state
