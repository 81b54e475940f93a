{{ config(location=gold_file('listening_days')) }}
-- What the dashboards filter: a user's listening by UTC date, level and state.
-- Partials of a day that came in one batch are whole; only the other days are added up.
with shared as (
    select day_number
    from {{ ref('int_listens_by_user_day') }}
    group by day_number
    having min(batch) <> max(batch)
),

days as (
    select
        partials.userId,
        partials.day_number,
        partials.level,
        partials.state,
        partials.listen_count,
        partials.duration_us as listening_us
    from {{ ref('int_listens_by_user_day') }} as partials
    where not exists (select 1 from shared where shared.day_number = partials.day_number)
    union all
    select
        partials.userId,
        partials.day_number,
        partials.level,
        partials.state,
        cast(sum(partials.listen_count) as bigint) as listen_count,
        cast(sum(partials.duration_us) as bigint) as listening_us
    from {{ ref('int_listens_by_user_day') }} as partials
    where exists (select 1 from shared where shared.day_number = partials.day_number)
    group by partials.userId, partials.day_number, partials.level, partials.state
)

select
    userId,
    {{ day_text('day_number') }} as listen_date,
    {{ iso_weekday('day_number') }} as weekday,
    level,
    state,
    listen_count,
    listening_us
from days
order by day_number, userId, level, state
