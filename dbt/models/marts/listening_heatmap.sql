{{ config(location=gold_file('listening_heatmap')) }}
select
    weekday,
    hour,
    cast(sum(listen_count) as bigint) as listen_count
from {{ ref('int_listens_by_hour') }}
group by weekday, hour
order by weekday, hour
