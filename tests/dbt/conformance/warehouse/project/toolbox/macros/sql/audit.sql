{% macro compare_queries(a_query, b_query, primary_key=none, summarize=true) %}
with a as ({{ a_query }}), b as ({{ b_query }}),
a_intersect_b as (select * from a {{ dbt.intersect() }} select * from b),
a_except_b as (select * from a {{ dbt.except() }} select * from b),
b_except_a as (select * from b {{ dbt.except() }} select * from a),
all_records as (
  select *, true as in_a, true as in_b from a_intersect_b
  union all select *, true as in_a, false as in_b from a_except_b
  union all select *, false as in_a, true as in_b from b_except_a)
{%- if summarize %}
, summary_stats as (select in_a, in_b, count(*) as n from all_records group by 1, 2)
select *, round(100.0 * n / sum(n) over (), 2) as percent_of_total from summary_stats order by in_a desc, in_b desc
{%- else %}
select * from all_records where not (in_a and in_b) order by {{ primary_key ~ ", " if primary_key is not none }} in_a desc, in_b desc
{%- endif %}
{% endmacro %}
{% macro base_model(source_name, table_name, leading_commas=False, case_sensitive_cols=False) %}
{%- set rel = source(source_name, table_name) -%}
{%- set columns = adapter.get_columns_in_relation(rel) -%}
{% set column_names = columns | map(attribute='name') %}
{% set out %}
with source as (
    select * from {% raw %}{{ source({% endraw %}'{{ source_name }}', '{{ table_name }}'{% raw %}) }}{% endraw %}
), renamed as (
    select
        {%- if leading_commas -%}
        {%- for column in column_names %}
        {{ ", " if not loop.first }}{% if not case_sensitive_cols %}{{ column | lower }}{% else %}{{ adapter.quote(column) }}{% endif %}
        {%- endfor %}
        {%- else -%}
        {%- for column in column_names %}
        {% if not case_sensitive_cols %}{{ column | lower }}{% else %}{{ adapter.quote(column) }}{% endif %}{{ "," if not loop.last }}
        {%- endfor -%}
        {%- endif %}
    from source
)
select * from renamed
{% endset %}
{% if execute %}{{ print(out) }}{% do return(out) %}{% endif %}
{% endmacro %}
{% macro model_yaml(names) %}
{% set yaml=[] %}
{% do yaml.append('version: 2') %}{% do yaml.append('models:') %}
{% for m in names %}
  {% do yaml.append('  - name: ' ~ m | lower) %}{% do yaml.append('    columns:') %}
  {% for c in adapter.get_columns_in_relation(ref(m)) %}{% do yaml.append('      - name: ' ~ c.name | lower) %}{% do yaml.append('        data_type: ' ~ c.data_type | lower) %}{% endfor %}
{% endfor %}
{% if execute %}{% set joined = yaml | join('\n') %}{{ log(joined, info=True) }}{% do return(joined) %}{% endif %}
{% endmacro %}
