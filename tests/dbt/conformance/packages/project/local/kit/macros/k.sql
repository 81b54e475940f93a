{% macro money(c) -%}round({{ c }}, {{ var('rounding') }}){%- endmacro %}
{% macro key_of(cols) %}{{ return(adapter.dispatch('key_of', 'kit')(cols)) }}{% endmacro %}
{% macro default__key_of(cols) %}md5({{ cols | join("||") }}){% endmacro %}
{% macro duckdb__key_of(cols) %}sha256({{ cols | join("||") }}){% endmacro %}
{% macro shade() %}{{ return(adapter.dispatch('shade', 'kit')()) }}{% endmacro %}
{% macro default__shade() %}kit default{% endmacro %}
{% macro duckdb__shade() %}kit duck{% endmacro %}
{% macro who() %}kit{% endmacro %}
{% macro call_who() %}{{ who() }} {{ kit.who() }}{% endmacro %}
{% test kit_positive(model, column_name) %}select * from {{ model }} where {{ column_name }} <= 0{% endtest %}
{% macro star(from, except=[]) %}{% set cols = adapter.get_columns_in_relation(from) %}{% for c in cols if c.name not in except %}{{ c.quoted }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro %}
{% macro generate_schema_name(custom_schema_name, node) %}kit_bad{% endmacro %}
