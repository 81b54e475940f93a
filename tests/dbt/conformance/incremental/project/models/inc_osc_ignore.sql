{{ config(unique_key='id', on_schema_change='ignore') }}
select id, val {% if var('round') > 1 %}, 'z' as extra {% else %}, ts {% endif %} {% if var('round') > 1 %}, ts{% endif %} from {{ ref('src') }}
