-- "Users" must not be counted where listens are meant, nor the other way round: three marts that count the same listens.
with daily as (
    select coalesce(cast(sum(listen_count) as bigint), 0) as n from {{ ref('daily_user_listen_counts') }}
),

levels as (
    select coalesce(cast(sum(listen_count) as bigint), 0) as n from {{ ref('free_vs_paid_users_comparison') }}
),

heat as (
    select coalesce(cast(sum(listen_count) as bigint), 0) as n from {{ ref('listening_heatmap') }}
),

facts as (
    select count(*) as n from {{ ref('fact_listen_events') }} where userId is not null
)

select f.n as facts, d.n as daily, l.n as levels, h.n as heat
from facts as f cross join daily as d cross join levels as l cross join heat as h
where d.n <> f.n or l.n <> f.n or h.n <> f.n
