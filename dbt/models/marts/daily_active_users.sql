{{ config(location=gold_file('daily_active_users')) }}
-- A user is active on a day with any event. WAU and MAU look back over 7 and 30 days, the day itself included: each
-- active day of a user counts from that day until the window ends or the user's next active day begins.
with active as (
    select distinct userId, day_number from {{ ref('int_active_user_days') }}
),

spans as (
    select
        day_number,
        lead(day_number) over (partition by userId order by day_number) as next_day
    from active
),

changes as (
    select
        day_number,
        cast(count(*) as bigint) as dau,
        cast(count(*) as bigint) as wau_change,
        cast(count(*) as bigint) as mau_change
    from spans
    group by day_number
    union all
    select
        least(day_number + 7, coalesce(next_day, day_number + 7)) as day_number,
        cast(0 as bigint) as dau,
        cast(0 - count(*) as bigint) as wau_change,
        cast(0 as bigint) as mau_change
    from spans
    group by least(day_number + 7, coalesce(next_day, day_number + 7))
    union all
    select
        least(day_number + 30, coalesce(next_day, day_number + 30)) as day_number,
        cast(0 as bigint) as dau,
        cast(0 as bigint) as wau_change,
        cast(0 - count(*) as bigint) as mau_change
    from spans
    group by least(day_number + 30, coalesce(next_day, day_number + 30))
),

days as (
    select
        day_number,
        cast(sum(dau) as bigint) as dau,
        cast(sum(wau_change) as bigint) as wau_change,
        cast(sum(mau_change) as bigint) as mau_change
    from changes
    group by day_number
),

running as (
    select
        day_number,
        dau,
        cast(sum(wau_change) over (order by day_number rows between unbounded preceding and current row) as bigint) as wau,
        cast(sum(mau_change) over (order by day_number rows between unbounded preceding and current row) as bigint) as mau
    from days
)

select
    {{ day_text('day_number') }} as activity_date,
    dau,
    wau,
    mau,
    dau / nullif(mau, 0) as stickiness
from running
where dau > 0
order by activity_date
