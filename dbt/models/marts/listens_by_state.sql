{{ config(location=gold_file('listens_by_state')) }}
with states as (
    select
        state,
        cast(sum(listen_count) as bigint) as listen_count,
        count(distinct userId) as user_count
    from {{ ref('int_listens_by_user_day') }}
    where state is not null
    group by state
)

select
    state,
    listen_count,
    user_count,
    listen_count / nullif(user_count, 0) as listens_per_user
from states
order by state
