{#- The cross-database macros: dbt.x() gives DuckDB's SQL. -#}
{% macro duckdb__any_value(expression) -%}
    arbitrary({{ expression }})
{%- endmacro %}
{% macro default__array_append(array, new_element) -%}
    array_append({{ array }}, {{ new_element }})
{%- endmacro %}
{% macro default__array_concat(array_1, array_2) -%}
    array_cat({{ array_1 }}, {{ array_2 }})
{%- endmacro %}
{% macro default__array_construct(inputs=[], data_type='integer') -%}
    {% if inputs %}
    array[ {{ inputs | join(' , ') }} ]
    {% else %}
    array[]::{{ data_type }}[]
    {% endif %}
{%- endmacro %}
{% macro default__bool_or(expression) -%}
    bool_or({{ expression }})
{%- endmacro %}
{% macro default__cast(field, type) %}
    cast({{ field }} as {{ type }})
{% endmacro %}
{% macro default__cast_bool_to_text(field) %}
  {{- '\n  ' }}
    cast({{ field }} as {{ api.Column.translate_type('string') }})

{% endmacro %}
{% macro default__concat(fields) -%}
    {{ fields | join(' || ') }}
{%- endmacro %}

{% macro default__type_string() %}{%- do return(api.Column.translate_type('string')) -%}{% endmacro %}
{% macro default__type_timestamp() %}{%- do return(api.Column.translate_type('timestamp')) -%}{% endmacro %}
{% macro default__type_float() %}{%- do return(api.Column.translate_type('float')) -%}{% endmacro %}
{% macro default__type_numeric() %}{%- do return(api.Column.numeric_type('numeric', 28, 6)) -%}{% endmacro %}
{% macro default__type_bigint() %}{%- do return(api.Column.translate_type('bigint')) -%}{% endmacro %}
{% macro default__type_int() %}{%- do return(api.Column.translate_type('integer')) -%}{% endmacro %}
{% macro default__type_boolean() %}{%- do return(api.Column.translate_type('boolean')) -%}{% endmacro %}

{% macro duckdb__date(year, month, day) -%}
    make_date({{ year }}, {{ month }}, {{ day }})
{%- endmacro %}
{% macro default__date_trunc(datepart, date) -%}
    date_trunc('{{ datepart }}', {{ date }})
{%- endmacro %}
{% macro duckdb__dateadd(datepart, interval, from_date_or_timestamp) %}
    {%- set unit = datepart | lower -%}
    {%- set times = {'quarter': (3, 'month'), 'week': (7, 'day')}.get(unit) %}

    {% if times -%}
    ({{ from_date_or_timestamp }} + (cast({{ interval }} as bigint) * {{ times[0] }}) * interval 1 {{ times[1] }})
    {%- else -%}
    ({{ from_date_or_timestamp }} + cast({{ interval }} as bigint) * interval 1 {{ unit }})
    {%- endif -%}

{% endmacro %}
{% macro duckdb__datediff(first_date, second_date, datepart) -%}
    {% if datepart == 'week' %}
            ({{ datediff(first_date, second_date, 'day') }} // 7 + case
            when date_part('dow', ({{ first_date }})::timestamp) <= date_part('dow', ({{ second_date }})::timestamp) then
                case when {{ first_date }} <= {{ second_date }} then 0 else -1 end
            else
                case when {{ first_date }} <= {{ second_date }} then 1 else 0 end
        end)
    {% else %}
        (date_diff('{{ datepart }}', {{ first_date }}::timestamp, {{ second_date }}::timestamp ))
    {% endif %}
{%- endmacro %}
{% macro default_last_day(date, datepart) -%}
    cast(
        {{ dbt.dateadd('day', '-1', dbt.dateadd(datepart, '1', dbt.date_trunc(datepart, date))) }}
        as date)
{%- endmacro %}
{% macro duckdb__last_day(date, datepart) -%}
    {%- if datepart == 'quarter' -%}
    -- duckdb dateadd does not support quarter interval.
    cast(
        {{ dbt.dateadd('day', '-1', dbt.dateadd('month', '3', dbt.date_trunc(datepart, date))) }}
        as date)
    {%- else -%}
    {{ dbt.default_last_day(date, datepart) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__equals(expr1, expr2) -%}
{%- if adapter.behavior.enable_truthy_nulls_equals_macro.no_warn %}
    case when (({{ expr1 }} = {{ expr2 }}) or ({{ expr1 }} is null and {{ expr2 }} is null))
        then 0
        else 1
    end = 0
{%- else -%}
    ({{ expr1 }} = {{ expr2 }})
{%- endif %}
{% endmacro %}
{% macro default__escape_single_quotes(expression) -%}
{{ expression | replace("'", "''") }}
{%- endmacro %}
{% macro default__except() %}

    except

{% endmacro %}
{% macro default__intersect() %}

    intersect

{% endmacro %}
{% macro default__hash(field) -%}
    md5(cast({{ field }} as {{ api.Column.translate_type('string') }}))
{%- endmacro %}
{% macro default__length(expression) %}

    length(
        {{ expression }}
    )
{%- endmacro -%}
{% macro duckdb__listagg(measure, delimiter_text="','", order_by_clause=none, limit_num=none) -%}
    {% if limit_num -%}
    list_aggr(
        (array_agg(
            {{ measure }}
            {{ order_by_clause if order_by_clause }}
        ))[1:{{ limit_num }}],
        'string_agg',
        {{ delimiter_text }}
        )
    {%- else %}
    string_agg(
        {{ measure }},
        {{ delimiter_text }}
        {{ order_by_clause if order_by_clause }}
        )
    {%- endif %}
{%- endmacro %}
{% macro default__string_literal(value) -%}
    '{{ value }}'
{%- endmacro %}
{% macro default__position(substring_text, string_text) %}

    position(
        {{ substring_text }} in {{ string_text }}
    )
{%- endmacro -%}
{% macro default__replace(field, old_chars, new_chars) %}

    replace(
        {{ field }},
        {{ old_chars }},
        {{ new_chars }}
    )


{% endmacro %}
{% macro default__right(string_text, length_expression) %}

    right(
        {{ string_text }},
        {{ length_expression }}
    )
{%- endmacro -%}
{% macro default__safe_cast(field, type) %}
    {{- '\n    ' }}
    cast({{ field }} as {{ type }})
{% endmacro %}
{% macro duckdb__split_part(string_text, delimiter_text, part_number) %}
    string_split({{ string_text }}, {{ delimiter_text }})[ {{ part_number }} ]
{% endmacro %}

{% macro default__get_powers_of_two(upper_bound) %}
    {%- if upper_bound <= 0 -%}{%- do exceptions.raise_compiler_error('upper bound must be positive') -%}{%- endif -%}
    {%- for i in range(1, 100) if upper_bound <= 2 ** i -%}{%- do return(i) -%}{%- endfor -%}
{% endmacro %}
{% macro duckdb__generate_series(upper_bound) %}
    select
        generate_series as generated_number
    from generate_series(1, {{ upper_bound }})
{% endmacro %}
{% macro default__get_intervals_between(start_date, end_date, datepart) -%}
    {%- call statement('get_intervals_between', fetch_result=true) -%}select {{ dbt.datediff(start_date, end_date, datepart) }}{%- endcall -%}
    {%- set found = load_result('get_intervals_between') -%}
    {%- do return(found['data'][0][0] if found and found['data'] else 1) -%}
{%- endmacro %}
{% macro default__date_spine(datepart, start_date, end_date) %}


    {{- '\n\n\n    \n\n' }}
    with rawdata as (

        {{ dbt.generate_series(dbt.get_intervals_between(start_date, end_date, datepart)) }}

    ),

    all_periods as (

        select (
            {{ dbt.dateadd(datepart, 'row_number() over (order by 1) - 1', start_date) }}
        ) as date_{{ datepart }}
        from rawdata

    ),

    filtered as (

        select *
        from all_periods
        where date_{{ datepart }} <= {{ end_date }}

    )

    select * from filtered

{% endmacro %}
{%- macro normalize_string_or_list(raw, field_name) -%}
  {%- if raw is none -%}{%- do return([]) -%}{%- endif -%}
  {%- if raw is mapping or (raw is not string and raw is not sequence) -%}
    {%- do exceptions.raise_compiler_error(field_name ~ ' must be a list of strings or a string') -%}
  {%- endif -%}
  {%- set out = [raw] if raw is string else raw | list -%}
  {%- for item in out if item is not string -%}
    {%- do exceptions.raise_compiler_error(field_name ~ ' list values must be non-empty strings') -%}
  {%- endfor -%}
  {%- do return(out) -%}
{%- endmacro -%}
