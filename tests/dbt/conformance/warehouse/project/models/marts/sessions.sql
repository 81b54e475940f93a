{{ config(materialized='incremental', unique_key='session_id', on_schema_change='append_new_columns', tags=['short'], incremental_strategy='delete+insert') }}
with events as (
  select * from {{ ref('stg_events') }}
  {% if is_incremental() %}
  where happened_at >= (select {{ dbt.dateadd('minute', -30, 'max(started_at)') }} from {{ this }})
  {% endif %}
), gaps as (
  select *, {{ dbt.datediff('lag(happened_at) over (partition by user_id order by happened_at)', 'happened_at', 'second') }} as gap from events
), numbered as (select *, sum(case when gap is null or gap > 1800 then 1 else 0 end) over (partition by user_id order by happened_at) as n from gaps)
select {{ toolbox.surrogate_key(['user_id', 'min(happened_at)']) }} as session_id, user_id, min(happened_at) as started_at, count(*) as events,
  {{ dbt.listagg('kind', "','", 'order by happened_at') }} as path {% if var('more', false) %}, max(happened_at) as ended_at{% endif %}
from numbered group by user_id, n
