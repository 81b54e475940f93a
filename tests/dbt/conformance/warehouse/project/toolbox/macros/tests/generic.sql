{% test expression_is_true(model, expression, column_name=None) %}
  {{ return(adapter.dispatch('test_expression_is_true', 'toolbox')(model, expression, column_name)) }}
{% endtest %}
{% macro default__test_expression_is_true(model, expression, column_name) %}
{% set column_list = '*' if should_store_failures() else "1" %}
select
    {{ column_list }}
from {{ model }}
{% if column_name is none %}
where not({{ expression }})
{%- else %}
where not({{ column_name }} {{ expression }})
{%- endif %}
{% endmacro %}
{% test unique_combination(model, combination_of_columns, quote_columns=false) %}
{% if not quote_columns %}{%- set column_list=combination_of_columns %}
{% elif quote_columns %}{%- set column_list=[] %}{% for column in combination_of_columns -%}{% set column_list = column_list.append( adapter.quote(column) ) %}{%- endfor %}
{% else %}{{ exceptions.raise_compiler_error("`quote_columns` argument must be one of [True, False] Got: '" ~ quote_columns ~"'.'") }}{% endif %}
{%- set columns_csv=column_list | join(', ') %}
with validation_errors as (select {{ columns_csv }} from {{ model }} group by {{ columns_csv }} having count(*) > 1)
select * from validation_errors
{% endtest %}
{% test equal_rowcount(model, compare_model, group_by_columns = []) %}
{{ config(fail_calc = 'sum(coalesce(diff_count, 0))') }}
{#-- Prevent querying of db in parsing mode. --#}
{%- if not execute -%}{{ return('') }}{% endif %}
{% if group_by_columns|length() > 0 %}
  {% set select_gb_cols = group_by_columns|join(', ') + ', ' %}
{% else %}{% set select_gb_cols = '' %}{% endif %}
with a as (select {{ select_gb_cols }} 1 as id_equal_rowcount, count(*) as count_a from {{ model }}),
b as (select {{ select_gb_cols }} 1 as id_equal_rowcount, count(*) as count_b from {{ compare_model }})
select count_a, count_b, abs(count_a - count_b) as diff_count from a full join b using (id_equal_rowcount)
{% endtest %}
{% test not_null_proportion(model, at_least, column_name, group_by_columns=[]) %}
{% set at_most = kwargs.get('at_most', kwargs.get('arg', 1)) if kwargs is defined else 1 %}
with summary as (select sum(case when {{ column_name }} is null then 0 else 1 end) / cast(count(*) as {{ dbt.type_numeric() }}) as not_null_proportion from {{ model }})
select * from summary where not_null_proportion < {{ at_least }} or not_null_proportion > {{ at_most }}
{% endtest %}
{% test accepted_range(model, column_name, min_value=none, max_value=none, inclusive=true) %}
with meet_condition as (select * from {{ model }}),
validation_errors as (
  select * from meet_condition where 1 = 2
  {%- if min_value is not none %}
  or not {{ column_name }} > {{- "=" if inclusive }} {{ min_value }}
  {%- endif %}
  {%- if max_value is not none %}
  or not {{ column_name }} < {{- "=" if inclusive }} {{ max_value }}
  {%- endif %}
)
select * from validation_errors
{% endtest %}
{% test cardinality_equality(model, column_name, to, field) %}
with table_a as (select {{ column_name }}, count(*) as num_rows from {{ model }} group by {{ column_name }}),
table_b as (select {{ field }}, count(*) as num_rows from {{ to }} group by {{ field }}),
except_a as (select * from table_a {{ dbt.except() }} select * from table_b)
select * from except_a
{% endtest %}
