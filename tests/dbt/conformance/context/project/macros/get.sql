{% macro dbt_get_value(sql) %}{% set r = run_query(sql) %}{{ return(r.columns[0].values()[0]) }}{% endmacro %}
