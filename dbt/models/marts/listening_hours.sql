{{ config(location=gold_file('listening_hours')) }}
-- Listens by UTC date and hour: for the heatmap of a range of dates, and the rate of the day.
select
    {{ day_text('day_number') }} as listen_date,
    {{ iso_weekday('day_number') }} as weekday,
    hour,
    cast(sum(listen_count) as bigint) as listen_count
from {{ ref('int_listens_by_hour') }}
group by day_number, hour
order by listen_date, hour
