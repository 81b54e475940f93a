-- A known mistake: registration in ms compared with seconds: then nobody, or everybody, is new.
with facts as (
    select l.userId, count(*) as listen_count
    from {{ ref('fact_listen_events') }} as l
    inner join {{ ref('dim_user') }} as u on u.userId = l.userId
    where l.ts - u.registration between 0 and 7 * 24 * 60 * 60 * cast(1000 as bigint) - 1
    group by l.userId
)

select coalesce(f.userId, w.userId) as userId, f.listen_count as expected, w.listen_count as found
from facts as f
full outer join {{ ref('new_user_week1_behavior') }} as w on w.userId = f.userId
where f.userId is null or w.userId is null or f.listen_count <> w.listen_count or w.active_days > 8
