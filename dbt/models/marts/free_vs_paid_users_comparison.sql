{{ config(location=gold_file('free_vs_paid_users_comparison')) }}
-- By the level of the listen: a user seen on both levels counts in both.
with by_level as (
    select
        level,
        count(distinct userId) as user_count,
        cast(sum(listen_count) as bigint) as listen_count,
        cast(sum(duration_count) as bigint) as duration_count,
        cast(sum(duration_us) as bigint) as duration_us
    from {{ ref('int_listens_by_user_day') }}
    group by level
)

select
    level,
    user_count,
    listen_count,
    listen_count / nullif(user_count, 0) as listens_per_user,
    duration_us / nullif(duration_count * 1000000, 0) as mean_duration
from by_level
order by level
