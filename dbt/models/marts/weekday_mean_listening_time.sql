{{ config(location=gold_file('weekday_mean_listening_time')) }}
-- A user-day is a (user, UTC date) with a listen; its time is the sum of the durations. ISO weekdays: 1 Monday … 7 Sunday.
with user_days as (
    select
        userId,
        day_number,
        cast(sum(duration_us) as bigint) as listening_us
    from {{ ref('int_listens_by_user_day') }}
    group by userId, day_number
),

weekdays as (
    select
        {{ iso_weekday('day_number') }} as weekday,
        count(*) as user_days,
        cast(sum(listening_us) as bigint) as listening_us
    from user_days
    group by {{ iso_weekday('day_number') }}
)

select
    weekday,
    user_days,
    listening_us / nullif(user_days * 1000000, 0) as mean_listening_time
from weekdays
order by weekday
