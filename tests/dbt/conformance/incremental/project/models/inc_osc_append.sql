{{ config(unique_key='id', on_schema_change='append_new_columns') }}
select id, val {% if var('round') > 1 %}, grp, 'new' as extra {% endif %} from {{ ref('src') }}
