{#- Where silver and gold lie, and the few expressions that DuckDB and Spark spell differently or compute differently. -#}

{% macro lake_path() %}{{ return(env_var('LAKEFM_LAKE', 'lake')) }}{% endmacro %}

{#- The one Parquet file of a mart (dbt-duckdb's `external`; dbt-spark goes by location_root). -#}
{% macro gold_file(mart) %}{{ return(env_var('LAKEFM_GOLD', lake_path() ~ '/gold') ~ '/' ~ mart ~ '/part-0.parquet') }}{% endmacro %}

{#- Seconds (double) as whole microseconds: sums of integers are the same in any order and on any engine. -#}
{% macro microseconds(seconds) -%}
    cast(floor({{ seconds }} * 1000000 + 0.5) as bigint)
{%- endmacro %}

{#- Days since 1970-01-01, UTC. -#}
{% macro day_number(ts_ms) -%}
    cast(floor({{ ts_ms }} / 86400000) as bigint)
{%- endmacro %}

{#- ISO weekday of a day number: 1 Monday … 7 Sunday. 1970-01-01 was a Thursday. -#}
{% macro iso_weekday(day) -%}
    cast((({{ day }} + 3) % 7 + 7) % 7 + 1 as int)
{%- endmacro %}

{#- Monday of the week of a day number, as a day number. -#}
{% macro week_start(day) -%}
    ({{ day }} - ((({{ day }} + 3) % 7 + 7) % 7))
{%- endmacro %}

{#- 'YYYY-MM-DD' of a day number. -#}
{% macro day_text(day) -%}
    cast(date '1970-01-01' + cast({{ day }} as int) as {{ dbt.type_string() }})
{%- endmacro %}

{#- The rows of batches that this incremental model has not seen. -#}
{% macro new_batches() -%}
    {%- if is_incremental() %}
    and batch > (select coalesce(max(batch), -1) from {{ this }})
    {%- endif %}
{%- endmacro %}
