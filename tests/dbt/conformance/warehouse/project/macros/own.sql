{% macro warehouse__surrogate_key(fields) %}md5({{ fields | join(" || '|' || ") }}){% endmacro %}
{% macro cents(column, scale=2) -%}
  ({{ column }} * 100)::numeric(16, {{ scale }})
{%- endmacro %}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set default_schema = target.schema -%}
    {%- if custom_schema_name is none -%}{{ default_schema }}
    {%- elif target.name == 'prod' -%}{{ custom_schema_name | trim }}
    {%- else -%}{{ default_schema }}_{{ custom_schema_name | trim }}{%- endif -%}
{%- endmacro %}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- if custom_alias_name -%}{{ custom_alias_name | trim }}
    {%- elif node.version -%}{{ return(node.name ~ "_v" ~ (node.version | replace(".", "_"))) }}
    {%- elif 'short' in node.tags -%}{{ node.name | replace('int_', 'i_') }}
    {%- else -%}{{ node.name }}{%- endif -%}
{%- endmacro %}
{% macro grant_all(schemas) %}{% if execute %}{% for s in schemas %}select '{{ s }}' as granted{{ ' union all ' if not loop.last }}{% endfor %}{% else %}select 1{% endif %}{% endmacro %}
{% macro limit_in_dev(column, days=3) %}{% if target.name == 'dev' and var('limit', false) %}where {{ column }} >= current_date - interval {{ days }} day{% endif %}{% endmacro %}
{% macro each(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}
{% macro log_result(results) %}{% if execute %}{% for r in results | selectattr('status', 'in', ['error', 'fail']) %}{{ log('bad ' ~ r.node.unique_id, info=true) }}{% endfor %}insert into {{ target.schema }}.runs select {{ results | length }}, '{{ results | map(attribute="status") | map("string") | unique | sort | join(",") }}'{% endif %}{% endmacro %}
