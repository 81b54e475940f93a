{% macro default__shade() %}pkgs default{% endmacro %}
{% macro duckdb__key_of(cols) %}root_key({{ cols | join("+") }}){% endmacro %}
{% macro who() %}root{% endmacro %}
{% macro generate_schema_name(custom_schema_name, node) %}{{ default__generate_schema_name(custom_schema_name, node) }}_{{ node.package_name }}{% endmacro %}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
  {%- if custom_alias_name -%}{{ custom_alias_name | trim }}_al{%- elif node.version -%}{{ node.name }}_v{{ node.version }}{%- else -%}{{ node.name }}{%- endif -%}
{%- endmacro %}
