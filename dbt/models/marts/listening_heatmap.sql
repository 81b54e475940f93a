{{ config(location=gold_file('listening_heatmap')) }}
select
    {{ iso_weekday('day_number') }} as weekday,
    hour,
    cast(sum(listen_count) as bigint) as listen_count
from {{ ref('int_listens_by_hour') }}
group by {{ iso_weekday('day_number') }}, hour
order by weekday, hour
