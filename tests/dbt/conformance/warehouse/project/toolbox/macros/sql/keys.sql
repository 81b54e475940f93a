{%- macro surrogate_key(fields) -%}
  {{ return(adapter.dispatch('surrogate_key', 'toolbox')(fields)) }}
{%- endmacro -%}
{%- macro default__surrogate_key(fields) -%}
{%- if var('surrogate_null', '') != '' -%}{%- set filler = var('surrogate_null') -%}{%- else -%}{%- set filler = '' -%}{%- endif -%}
{%- set parts = [] -%}
{%- for field in fields -%}
  {%- do parts.append("coalesce(cast(" ~ field ~ " as " ~ dbt.type_string() ~ "), '" ~ filler ~ "')") -%}
  {%- if not loop.last %}{%- do parts.append("'-'") -%}{%- endif -%}
{%- endfor -%}
{{ dbt.hash(dbt.concat(parts)) }}
{%- endmacro -%}

{% macro is_relation(obj, name) %}
  {%- if not (obj is mapping and obj.get('metadata', {}).get('type', '').endswith('Relation')) -%}
    {%- do exceptions.raise_compiler_error(name ~ " wants a relation, got " ~ obj) -%}
  {%- endif -%}
{% endmacro %}
{% macro not_ephemeral(obj, name) %}
  {%- if obj.is_cte -%}{%- do exceptions.raise_compiler_error(name ~ " cannot use an ephemeral model") -%}{%- endif -%}
{% endmacro %}
