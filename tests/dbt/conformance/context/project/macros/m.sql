{% macro note(who, what) %}insert into side.log values ('{{ who }}', '{{ what }}'){% endmacro %}
{% macro note_row(r) %}insert into side.log values ('{{ r.node.unique_id }}', '{{ r.status }} {{ r.message }} {{ r.failures }} {{ r.node.resource_type }} {{ r.adapter_response | string | replace("'", '') }}');{% endmacro %}
{% macro q(x) -%} '{{ x | string | replace("'", "''") }}' {%- endmacro %}
{% macro row(k, v) %}select '{{ k }}' as k, {{ q(v) }} as v{% endmacro %}
{% macro rows(d) %}
{%- for k, v in d.items() %}
{{ row(k, v) }}{{ ' union all ' if not loop.last }}
{%- endfor %}
{% endmacro %}
{% macro with_default(a, b=[], c='x') %}{{ return([a, b, c, varargs, kwargs]) }}{% endmacro %}
{% macro each(items) %}{% for i in items %}{{ caller(i, loop.index) }}{% endfor %}{% endmacro %}
{% macro default__flavour() %}plain{% endmacro %}
{% macro duckdb__flavour() %}duck{% endmacro %}
{% macro flavour() %}{{ return(adapter.dispatch('flavour')()) }}{% endmacro %}
{% macro flavour2() %}{{ return(adapter.dispatch('flavour', 'ctx')()) }}{% endmacro %}
{% macro no_return() %} text {% endmacro %}
{% macro deep(n) %}{% if n == 0 %}{{ return('bottom') }}{% else %}{{ return(deep(n - 1)) }}{% endif %}{% endmacro %}
