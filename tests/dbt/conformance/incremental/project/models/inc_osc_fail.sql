{{ config(unique_key='id', on_schema_change='fail') }}
select id, val {% if var('round') == 2 %}, grp {% endif %} from {{ ref('src') }}
