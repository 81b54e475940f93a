{{ config(location=gold_file('churn')) }}
-- By week (Monday, UTC): users active in it, how many of them did nothing in the week after, and how many closed their
-- account. The newest week has no week after yet: its churn is unknown (null).
with weeks as (
    select
        userId,
        {{ week_start('day_number') }} as week_day,
        max(cancelled) as cancelled
    from {{ ref('int_active_user_days') }}
    group by userId, {{ week_start('day_number') }}
),

followed as (
    select
        week_day,
        cancelled,
        lead(week_day) over (partition by userId order by week_day) as next_week_day
    from weeks
),

counts as (
    select
        week_day,
        count(*) as active_users,
        cast(sum(case when next_week_day = week_day + 7 then 0 else 1 end) as bigint) as lost_users,
        cast(sum(cancelled) as bigint) as cancelled_users
    from followed
    group by week_day
),

newest as (
    select max(week_day) as week_day from weeks
)

select
    {{ day_text('c.week_day') }} as week,
    c.active_users,
    case when c.week_day < n.week_day then c.lost_users end as churned_users,
    c.cancelled_users,
    case when c.week_day < n.week_day then c.lost_users / nullif(c.active_users, 0) end as churn_rate
from counts as c
cross join newest as n
order by week
