{{ config(incremental_strategy='delete+insert', unique_key=['id', 'grp'], incremental_predicates=["ts > timestamp '2020-01-01'"]) }}
select * from {{ ref('src') }}
