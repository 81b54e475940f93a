{{ config(location=gold_file('daily_user_listen_counts')) }}
with days as (
    select
        userId,
        day_number,
        cast(sum(listen_count) as bigint) as listen_count
    from {{ ref('int_listens_by_user_day') }}
    group by userId, day_number
),

dated as (
    select
        userId,
        date '1970-01-01' + cast(day_number as int) as listen_date,
        listen_count
    from days
)

select
    userId,
    cast(extract(year from listen_date) as int) as year,
    cast(extract(month from listen_date) as int) as month,
    cast(extract(day from listen_date) as int) as day,
    listen_count
from dated
order by userId, year, month, day
