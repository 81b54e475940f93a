{{ config(location=gold_file('retention_cohorts')) }}
-- Users by the week (Monday, UTC) of their first activity, and how many of them came back in each later week.
with weeks as (
    select distinct
        userId,
        {{ week_start('day_number') }} as week_day
    from {{ ref('int_active_user_days') }}
),

firsts as (
    select
        userId,
        min(week_day) as cohort_day
    from weeks
    group by userId
),

sizes as (
    select
        cohort_day,
        count(*) as cohort_size
    from firsts
    group by cohort_day
),

returns as (
    select
        f.cohort_day,
        cast((w.week_day - f.cohort_day) / 7 as int) as week_number,
        count(*) as user_count
    from weeks as w
    inner join firsts as f on f.userId = w.userId
    group by f.cohort_day, cast((w.week_day - f.cohort_day) / 7 as int)
)

select
    {{ day_text('r.cohort_day') }} as cohort_week,
    r.week_number,
    s.cohort_size,
    r.user_count,
    r.user_count / nullif(s.cohort_size, 0) as retention
from returns as r
inner join sizes as s on s.cohort_day = r.cohort_day
order by cohort_week, r.week_number
