-- The marts again, straight from the raw JSON: written apart from the dbt models, as plainly as SQL allows, to check them.
-- Tables listen, page_view, auth, status_change hold the events as they were sent, text repaired; `users` the latest
-- event of each user. make_expected.py runs this with DuckDB and writes one CSV a mart.

create table conversion_rates as
select userId, count(*) filter (level = 'free') as free_count, count(*) filter (level = 'paid') as paid_count,
       ((200 * count(*) filter (level = 'paid') + count(*)) // (2 * count(*))) / 100 as conversion_rate
from listen where userId is not null group by 1 order by 1;

create table daily_user_listen_counts as
select userId, year(t)::int as year, month(t)::int as month, day(t)::int as day, count(*) as listen_count
from (select userId, epoch_ms(ts) as t from listen where userId is not null) group by all order by all;

create table event_status_grouping as
select page, method, status::int as status, count(*) as event_count from page_view group by all order by all;

create table free_vs_paid_users_comparison as
select level, count(distinct userId) as user_count, count(*) as listen_count, count(*) / count(distinct userId) as listens_per_user,
       sum(round(duration * 1000000)::bigint)::bigint / (count(duration) * 1000000) as mean_duration
from listen where userId is not null group by level order by level;

create table mean_session_time as
select userId, count(*) as session_count, sum(ms)::bigint / (count(*) * 1000) as mean_session_time
from (select userId, sessionId, max(ts) - min(ts) as ms from page_view where userId is not null group by all)
group by userId order by userId;

create table new_user_week1_behavior as
select userId, u.registration, count(*) as listen_count, count(distinct sessionId) as session_count,
       count(distinct song || chr(31) || artist) as distinct_songs, count(distinct epoch_ms(ts)::date) as active_days
from listen join users u using (userId)
where ts >= u.registration and ts < u.registration + 7 * 86400 * 1000
group by all order by userId;

create table top_songs_by_play_count as
select row_number() over (order by play_count desc, encode(song), encode(artist)) as position, song, artist, play_count
from (select song, artist, count(*) as play_count from listen group by all) order by position;

create table weekday_mean_listening_time as
select isodow(d)::int as weekday, count(*) as user_days, sum(us)::bigint / (count(*) * 1000000) as mean_listening_time
from (select userId, epoch_ms(ts)::date as d, sum(round(duration * 1000000)::bigint)::bigint as us
      from listen where userId is not null group by all)
group by all order by all;

create table active as
select distinct userId, d from (
    select userId, epoch_ms(ts)::date as d from page_view union all select userId, epoch_ms(ts)::date from listen)
where userId is not null;

create table daily_active_users as
select *, dau / mau as stickiness from (select strftime(d, '%Y-%m-%d') as activity_date,
       (select count(distinct userId) from active a where a.d = days.d) as dau,
       (select count(distinct userId) from active a where a.d between days.d - 6 and days.d) as wau,
       (select count(distinct userId) from active a where a.d between days.d - 29 and days.d) as mau
from (select distinct d from active) days) order by 1;

create table retention_cohorts as
with w as (select distinct userId, date_trunc('week', d)::date as week from active),
     f as (select userId, min(week) as cohort from w group by all),
     z as (select cohort, count(*) as cohort_size from f group by all)
select strftime(cohort, '%Y-%m-%d') as cohort_week, (date_diff('day', cohort, week) // 7)::int as week_number,
       cohort_size, count(*) as user_count, count(*) / cohort_size as retention
from w join f using (userId) join z using (cohort) group by cohort, cohort_size, week order by 1, 2;

create table upgrade_funnel as
with s as (
    select userId, sessionId, min(ts) filter (page = 'Upgrade') as up, max(ts) filter (page = 'Submit Upgrade') as done
    from page_view where userId is not null and level = 'free' group by all)
select *, session_count / (select count(*) from s) as share_of_sessions from (
    select 1 as step, 'Any page' as page, count(*) as session_count, count(distinct userId) as user_count from s
    union all select 2, 'Upgrade', count(*), count(distinct userId) from s where up is not null
    union all select 3, 'Submit Upgrade', count(*), count(distinct userId) from s where done >= up)
where session_count > 0 order by step;

create table top_artists as
select row_number() over (order by play_count desc, encode(artist)) as position, artist, play_count, song_count
from (select artist, count(*) as play_count, count(distinct song) as song_count from listen group by all) order by position;

create table listening_heatmap as
select isodow(epoch_ms(ts))::int as weekday, hour(epoch_ms(ts))::int as hour, count(*) as listen_count
from listen where userId is not null group by all order by all;

create table listening_days as
select userId, strftime(epoch_ms(ts), '%Y-%m-%d') as listen_date, isodow(epoch_ms(ts))::int as weekday, level, state,
       count(*) as listen_count, sum(round(duration * 1000000)::bigint)::bigint as listening_us
from listen where userId is not null group by all order by listen_date, userId, level, state;

create table listening_hours as
select strftime(epoch_ms(ts), '%Y-%m-%d') as listen_date, isodow(epoch_ms(ts))::int as weekday, hour(epoch_ms(ts))::int as hour,
       count(*) as listen_count
from listen where userId is not null group by all order by listen_date, hour;

create table listens_by_state as
select state, count(*) as listen_count, count(distinct userId) as user_count, count(*) / count(distinct userId) as listens_per_user
from listen where userId is not null group by all order by all;

create table churn as
with w as (select distinct userId, date_trunc('week', d)::date as week from active),
     c as (select date_trunc('week', epoch_ms(ts))::date as week, count(distinct userId) as cancelled_users
           from page_view where page = 'Cancellation Confirmation' and userId is not null group by all),
     lost as (select week, count(*) as n from w
              where not exists (select 1 from w x where x.userId = w.userId and x.week = w.week + 7) group by all),
     a as (select week, count(*) as active_users from w group by all)
select strftime(week, '%Y-%m-%d') as week, active_users,
       case when a.week < (select max(week) from w) then coalesce(lost.n, 0) end as churned_users,
       coalesce(cancelled_users, 0) as cancelled_users,
       case when a.week < (select max(week) from w) then coalesce(lost.n, 0) / active_users end as churn_rate
from a left join c using (week) left join lost using (week) order by 1;

drop table active;
