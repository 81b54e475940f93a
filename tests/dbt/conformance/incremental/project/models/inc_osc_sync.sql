{{ config(unique_key='id', on_schema_change='sync_all_columns') }}
select id, val {% if var('round') > 1 %}::bigint as val, grp {% else %}, ts {% endif %} from {{ ref('src') }}
