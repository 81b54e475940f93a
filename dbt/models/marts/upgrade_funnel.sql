{{ config(location=gold_file('upgrade_funnel')) }}
-- The path of a free listener to Submit Upgrade within one session: any page, then Upgrade, then Submit Upgrade.
with sessions as (
    select
        userId,
        sessionId,
        min(first_free_ts) as first_free_ts,
        min(first_upgrade_ts) as first_upgrade_ts,
        max(last_submit_upgrade_ts) as last_submit_upgrade_ts
    from {{ ref('int_sessions') }}
    group by userId, sessionId
),

steps as (
    select 1 as step, 'Any page' as page, userId from sessions where first_free_ts is not null
    union all
    select 2 as step, 'Upgrade' as page, userId from sessions where first_upgrade_ts is not null
    union all
    select 3 as step, 'Submit Upgrade' as page, userId from sessions where last_submit_upgrade_ts >= first_upgrade_ts
),

counts as (
    select
        step,
        page,
        count(*) as session_count,
        count(distinct userId) as user_count
    from steps
    group by step, page
),

total as (
    select coalesce(max(session_count), 0) as session_count from counts where step = 1
)

select
    c.step,
    c.page,
    c.session_count,
    c.user_count,
    c.session_count / nullif(t.session_count, 0) as share_of_sessions
from counts as c
cross join total as t
order by c.step
