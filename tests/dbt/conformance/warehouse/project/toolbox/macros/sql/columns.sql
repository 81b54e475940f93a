{% macro filtered_columns(from, except=[]) -%}
  {{ return(adapter.dispatch('filtered_columns', 'toolbox')(from, except)) }}
{% endmacro %}
{% macro default__filtered_columns(from, except=[]) -%}
  {%- do toolbox.is_relation(from, 'filtered_columns') -%}
  {%- do toolbox.not_ephemeral(from, 'filtered_columns') -%}
  {%- if not execute %}{{ return([]) }}{% endif %}
  {%- set include = [] %}
  {%- set cols = adapter.get_columns_in_relation(from) -%}
  {%- set except = except | map("lower") | list %}
  {%- for col in cols -%}
    {%- if col.column | lower not in except -%}{% do include.append(col.column) %}{%- endif %}
  {%- endfor %}
  {{ return(include) }}
{%- endmacro %}
{% macro star(from, relation_alias=False, except=[], prefix='', suffix='', quote_identifiers=True) -%}
  {{ return(adapter.dispatch('star', 'toolbox')(from, relation_alias, except, prefix, suffix, quote_identifiers)) }}
{% endmacro %}
{% macro default__star(from, relation_alias=False, except=[], prefix='', suffix='', quote_identifiers=True) -%}
  {% if not execute %}{% do return('*') %}{% endif %}
  {% set cols = toolbox.filtered_columns(from, except) %}
  {%- if cols|length <= 0 -%}
    {% set response %}*{% endset %}
    {% do return(response) %}
  {%- else -%}
    {%- for col in cols %}
      {%- if relation_alias %}{{ relation_alias }}.{% else %}{%- endif -%}
        {%- if quote_identifiers -%}{{ adapter.quote(col)|trim }} {%- if prefix!='' or suffix!='' %} as {{ adapter.quote(prefix ~ col ~ suffix)|trim }} {%- endif -%}
        {%- else -%}{{ col|trim }} {%- if prefix!='' or suffix!='' %} as {{ (prefix ~ col ~ suffix)|trim }} {%- endif -%}{% endif %}
      {%- if not loop.last %},{{ '\n  ' }}{%- endif -%}
    {%- endfor -%}
  {% endif %}
{%- endmacro %}
{% macro column_values(table, column, order_by='count(*) desc', max_records=none, default=none, where=none) -%}
  {%- set default = default if default is not none else [] -%}
  {%- if not execute -%}{% set default = [] if not default %}{{ return(default) }}{% endif %}
  {%- set relation_exists = (load_relation(table) is not none) -%}
  {%- call statement('column_values', fetch_result=true) %}
    {%- if not relation_exists and default is none -%}
      {{ exceptions.raise_compiler_error("In column_values(): relation " ~ table ~ " does not exist and no default value was provided.") }}
    {%- elif not relation_exists -%}
      select 1 where 1=0
    {%- else -%}
      select {{ column }} as value
      from {{ table }}
      {% if where is not none %}where {{ where }}{% endif %}
      group by {{ column }}
      order by {{ order_by }}, 1
      {% if max_records is not none %}limit {{ max_records }}{% endif %}
    {% endif %}
  {%- endcall -%}
  {%- set value_list = load_result('column_values') -%}
  {%- if value_list and value_list['data'] -%}
    {%- set values = value_list['data'] | map(attribute=0) | list %}
    {{ return(values) }}
  {%- else -%}{{ return(default) }}{%- endif -%}
{%- endmacro %}
{% macro query_as_dict(query) %}
  {%- call statement('q', fetch_result=True,auto_begin=false) -%}{{ query }}{%- endcall -%}
  {% set sql_results={} %}
  {%- if execute -%}
    {% set table = load_result('q').table.columns.items() %}
    {% for column_name, column in table %}{% do sql_results.update({column_name: column.values()}) %}{% endfor %}
  {%- endif -%}
  {{ return(sql_results) }}
{% endmacro %}
{% macro single_value(query, default=none) %}
  {% if not execute %}{{ return(default) }}{% endif %}
  {% set t = run_query(query) %}
  {% if t.rows | length > 0 %}{{ return(t.columns[0].values()[0] if t.columns[0].values()[0] is not none else default) }}{% endif %}
  {{ return(default) }}
{% endmacro %}
