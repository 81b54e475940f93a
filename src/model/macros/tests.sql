{#- The four tests that every project has, the queries around tests, and unit tests. -#}
{% test unique(model, column_name) %}
    {% set macro = adapter.dispatch('test_unique', 'dbt') %}
    {{ macro(model, column_name) }}
{% endtest %}
{% test not_null(model, column_name) %}
    {% set macro = adapter.dispatch('test_not_null', 'dbt') %}
    {{ macro(model, column_name) }}
{% endtest %}
{% test accepted_values(model, column_name, values, quote=true) %}
    {% set macro = adapter.dispatch('test_accepted_values', 'dbt') %}
    {{ macro(model, column_name, values, quote) }}
{% endtest %}
{% test relationships(model, column_name, to, field) %}
    {% set macro = adapter.dispatch('test_relationships', 'dbt') %}
    {{ macro(model, column_name, to, field) }}
{% endtest %}

{% macro default__test_unique(model, column_name) %}

select
    {{ column_name }} as unique_field,
    count(*) as n_records

from {{ model }}
where {{ column_name }} is not null
group by {{ column_name }}
having count(*) > 1

{% endmacro %}
{% macro default__test_not_null(model, column_name) %}

{% set column_list = '*' if should_store_failures() else column_name %}

select {{ column_list }}
from {{ model }}
where {{ column_name }} is null

{% endmacro %}
{% macro default__test_accepted_values(model, column_name, values, quote=true) %}

with all_values as (

    select
        {{ column_name }} as value_field,
        count(*) as n_records

    from {{ model }}
    group by {{ column_name }}

)

select *
from all_values
where value_field not in (
    {% for value in values -%}
        {{ "'" ~ value ~ "'" if quote else value }}{{ ',' if not loop.last }}
    {%- endfor %}
)

{% endmacro %}
{% macro default__test_relationships(model, column_name, to, field) %}

with child as (
    select {{ column_name }} as from_field
    from {{ model }}
    where {{ column_name }} is not null
),

parent as (
    select {{ field }} as to_field
    from {{ to }}
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null

{% endmacro %}

{% macro default__get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery' if where else relation) -%}
{%- endmacro %}
{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit=none) -%}
    select
      {{ fail_calc }} as failures,
      {{ fail_calc }} {{ warn_if }} as should_warn,
      {{ fail_calc }} {{ error_if }} as should_error
    from (
      {{ main_sql }}
      {{ 'limit ' ~ limit if limit is not none }}
    ) dbt_internal_test
{%- endmacro %}

{%- materialization test, default -%}
  {%- set relations = [] -%}
  {%- set header = config.get('sql_header') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else none -%}
  {%- set query = get_limit_subquery_sql(sql, config.get('limit')) -%}
  {%- if should_store_failures() -%}
    {%- set kind = config.get('store_failures_as') or 'table' -%}
    {%- if kind not in ['table', 'view'] -%}
      {%- do exceptions.raise_compiler_error("'" ~ kind ~ "' is not a valid value for `store_failures_as`. "
                                             ~ "Accepted values are: ['ephemeral', 'table', 'view']") -%}
    {%- endif -%}
    {%- set identifier = model['alias'] -%}
    {%- set old_relation = adapter.get_relation(database=database, schema=schema, identifier=identifier) -%}
    {%- set target_relation = api.Relation.create(identifier=identifier, schema=schema, database=database, type=kind) -%}
    {%- if old_relation -%}{%- do adapter.drop_relation(old_relation) -%}{%- endif -%}
    {%- call statement(auto_begin=true) -%}
      {{ header if header }}
      {{ get_create_sql(target_relation, query) }}
    {%- endcall -%}
    {%- do relations.append(target_relation) -%}
    {%- do adapter.commit() -%}
    {%- set query = 'select * from ' ~ target_relation -%}
  {%- endif -%}
  {%- call statement('main', fetch_result=true) -%}
    {{ header if header }}
    {{ get_test_sql(query, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit=none) }}
  {%- endcall -%}
  {%- do return({'relations': relations}) -%}
{%- endmaterialization -%}

{% macro default__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
-- Build actual result given inputs
with dbt_internal_unit_test_actual as (
  select
    {{ expected_column_names | join(',') }}, {{ dbt.string_literal('actual') }} as {{ adapter.quote('actual_or_expected') }}
  from (
    {{ main_sql }}
  ) _dbt_internal_unit_test_actual
),
-- Build expected result
dbt_internal_unit_test_expected as (
  select
    {{ expected_column_names | join(', ') }}, {{ dbt.string_literal('expected') }} as {{ adapter.quote('actual_or_expected') }}
  from (
    {{ expected_fixture_sql }}
  ) _dbt_internal_unit_test_expected
)
-- Union actual and expected results
select * from dbt_internal_unit_test_actual
union all
select * from dbt_internal_unit_test_expected
{%- endmacro %}

{%- materialization unit, default -%}
  {%- set header = config.get('sql_header') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else none -%}
  {%- set rows = config.get('expected_rows') -%}
  {%- set expected = config.get('expected_sql') -%}
  {%- set tested = rows[0].keys() if rows else get_columns_in_query(sql) -%}
  {%- set scratch = make_temp_relation(api.Relation.create(database=database, schema=schema, identifier=model['alias'], type='table')) -%}
  {%- do run_query(get_create_table_as_sql(true, scratch, get_empty_subquery_sql(sql))) -%}
  {%- set types = {} -%}
  {%- set quoted = {} -%}
  {%- for column in adapter.get_columns_in_relation(scratch) -%}
    {%- do types.update({column.name | lower: column.data_type}) -%}
    {%- do quoted.update({column.name | lower: column.quoted}) -%}
  {%- endfor -%}
  {%- set names = [] -%}
  {%- for name in tested -%}{%- do names.append(quoted[name | lower]) -%}{%- endfor -%}
  {%- set expected = expected or get_expected_sql(rows, types, quoted) -%}
  {%- call statement('main', fetch_result=true) -%}
    {{ header if header }}
    {{ get_unit_test_sql(sql, expected, names) }}
  {%- endcall -%}
  {%- do adapter.drop_relation(scratch) -%}
  {%- do return({'relations': []}) -%}
{%- endmaterialization -%}

{#- Rows of a fixture as SELECTs with every column of the relation they stand for. -#}
{% macro get_fixture_sql(rows, column_name_to_data_types=none) %}
-- Fixture for {{ model.name }}
  {%- set types = column_name_to_data_types or {} -%}
  {%- set quoted = {} -%}
  {%- set blank = {} -%}
  {%- if not types -%}
    {%- for column in adapter.get_columns_in_relation(defer_relation if defer_relation and not load_relation(this) else this) -%}
      {%- do types.update({column.name | lower: column.data_type}) -%}
      {%- do quoted.update({column.name | lower: column.quoted}) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- if not types -%}
    {%- do exceptions.raise_compiler_error("Not able to get columns for unit test '" ~ model.name ~ "' from relation " ~ this ~ " because the relation doesn't exist") -%}
  {%- endif -%}
  {%- for name, type in types.items() -%}{%- do blank.update({name: safe_cast('null', type) | trim}) -%}{%- endfor -%}
  {%- do validate_fixture_rows(rows, row_number) -%}
  {%- for row in rows %}
    {%- set cells = blank.copy() -%}
    {%- do cells.update(format_row(row, types)) %}
select
    {%- for name, cell in cells.items() %} {{ cell }} as {{ quoted[name] }}{{ ',' if not loop.last }}{%- endfor %}
    {%- if not loop.last %}
union all
{%    endif %}
  {%- endfor -%}
  {%- if not rows %}
    select
    {%- for name, cell in blank.items() %} {{ cell }} as {{ quoted[name] }}{{ ',' if not loop.last }}{%- endfor %}
    limit 0
  {%- endif -%}
{% endmacro %}
{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) %}
  {%- if not rows -%}
    select * from dbt_internal_unit_test_actual
    limit 0
  {%- endif -%}
  {%- for row in rows -%}
select
    {%- for name, cell in format_row(row, column_name_to_data_types).items() %} {{ cell }} as {{ column_name_to_quoted[name] }}{{ ',' if not loop.last }}{%- endfor %}
    {%- if not loop.last %}
union all
    {% endif %}
  {%- endfor -%}
{% endmacro %}
{%- macro format_row(row, column_name_to_data_types) -%}
  {%- set out = {} -%}
  {%- for given, value in row.items() -%}
    {%- set name = given | lower -%}
    {%- if name not in column_name_to_data_types -%}
      {%- set whose = 'expected output' if model.resource_type == 'unit_test' else "'" ~ model.name ~ "'" -%}
      {%- do exceptions.raise_compiler_error("Invalid column name: '" ~ name ~ "' in unit test fixture for " ~ whose
                                             ~ '.\nAccepted columns for ' ~ whose ~ ' are: ' ~ (column_name_to_data_types.keys() | list)) -%}
    {%- endif -%}
    {%- set type = column_name_to_data_types[name] -%}
    {%- if value is string and 'varying' in type -%}{%- set type = type.split('(')[0] -%}{%- endif -%}
    {%- set cell = dbt.string_literal(dbt.escape_single_quotes(value)) if value is string else 'null' if value is none else value -%}
    {%- do out.update({name: safe_cast(cell, type)}) -%}
  {%- endfor -%}
  {%- do return(out) -%}
{%- endmacro -%}
{% macro default__validate_fixture_rows(rows, row_number) -%}{%- endmacro %}
