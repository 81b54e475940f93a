{{ config(location=gold_file('conversion_rates')) }}
-- paid / (paid + free) rounded half up to two decimals as a rational number: round() of a double differs by engine.
with levels as (
    select
        userId,
        cast(sum(case when level = 'free' then listen_count else 0 end) as bigint) as free_count,
        cast(sum(case when level = 'paid' then listen_count else 0 end) as bigint) as paid_count
    from {{ ref('int_listens_by_user_day') }}
    group by userId
)

select
    userId,
    free_count,
    paid_count,
    floor((200 * paid_count + free_count + paid_count) / nullif(2 * (free_count + paid_count), 0)) / 100 as conversion_rate
from levels
order by userId
