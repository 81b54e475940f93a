with events as (
  select * from "dev"."main_staging"."stg_events"
  
), gaps as (
  select *, 
        (date_diff('second', lag(happened_at) over (partition by user_id order by happened_at)::timestamp, happened_at::timestamp ))
     as gap from events
), numbered as (select *, sum(case when gap is null or gap > 1800 then 1 else 0 end) over (partition by user_id order by happened_at) as n from gaps)
select md5(cast(coalesce(cast(user_id as TEXT), '') || '-' || coalesce(cast(min(happened_at) as TEXT), '') as TEXT)) as session_id, user_id, min(happened_at) as started_at, count(*) as events,
  
    string_agg(
        kind,
        ','
        order by happened_at
        ) as path 
from numbered group by user_id, n
