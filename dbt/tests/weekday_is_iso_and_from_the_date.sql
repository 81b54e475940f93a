-- A known mistake: the weekday taken from the week of the year, or counted from Sunday. Recomputed here from the dates
-- of daily_user_listen_counts, by another formula (Zeller's congruence).
with dates as (
    select
        userId,
        day as d,
        case when month < 3 then month + 12 else month end as m,
        case when month < 3 then year - 1 else year end as y
    from {{ ref('daily_user_listen_counts') }}
),

zeller as (
    -- 0 Saturday, 1 Sunday … 6 Friday
    select cast(d + floor(13 * (m + 1) / 5) + y + floor(y / 4) - floor(y / 100) + floor(y / 400) as bigint) % 7 as h from dates
),

expected as (
    select cast((h + 5) % 7 + 1 as int) as weekday, count(*) as user_days from zeller group by cast((h + 5) % 7 + 1 as int)
)

select coalesce(e.weekday, w.weekday) as weekday, e.user_days as expected, w.user_days as found
from expected as e
full outer join {{ ref('weekday_mean_listening_time') }} as w on w.weekday = e.weekday
where e.user_days is null or w.user_days is null or e.user_days <> w.user_days
