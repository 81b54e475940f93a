{#- Statements and hooks. A macro called default__x or duckdb__x gets an x that dispatches to it, without being written out. -#}
{%- macro statement(name=none, fetch_result=false, auto_begin=true, language='sql') -%}
  {%- if execute -%}
    {%- set code = caller() -%}
    {%- if name == 'main' -%}{%- do write(code) -%}{%- endif -%}
    {%- if language != 'sql' -%}{%- do submit_python_job(model, code) -%}{%- endif -%}
    {%- set response, table = adapter.execute(code, auto_begin=auto_begin, fetch=fetch_result) -%}
    {%- if name is not none -%}{%- do store_result(name, response=response, agate_table=table) -%}{%- endif -%}
  {%- endif -%}
{%- endmacro %}

{% macro noop_statement(name=none, message=none, code=none, rows_affected=none, res=none) -%}
  {%- set text = caller() -%}
  {%- if name == 'main' -%}{%- do write(text) -%}{%- endif -%}
  {%- if name is not none -%}
    {%- do store_raw_result(name, message=message, code=code, rows_affected=rows_affected, agate_table=res) -%}
  {%- endif -%}
{%- endmacro %}

{% macro run_query(sql) %}
  {%- call statement('run_query_statement', fetch_result=true, auto_begin=false) -%}{{ sql }}{%- endcall -%}
  {%- do return(load_result('run_query_statement').table) -%}
{% endmacro %}

{% macro run_hooks(hooks, inside_transaction=true) %}
  {%- for hook in hooks if hook.transaction == inside_transaction -%}
    {%- set text = render(hook.get('sql')) | trim -%}
    {%- if text -%}
      {%- call statement(auto_begin=inside_transaction) -%}{{ text }}{%- endcall -%}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}

{% macro make_hook_config(sql, inside_transaction) %}{{ tojson({'sql': sql, 'transaction': inside_transaction}) }}{% endmacro %}
{% macro before_begin(sql) %}{{ make_hook_config(sql, inside_transaction=false) }}{% endmacro %}
{% macro in_transaction(sql) %}{{ make_hook_config(sql, inside_transaction=true) }}{% endmacro %}
{% macro after_commit(sql) %}{{ make_hook_config(sql, inside_transaction=false) }}{% endmacro %}

{% macro set_sql_header(config) -%}{{ config.set('sql_header', caller()) }}{%- endmacro %}

{% macro should_full_refresh() %}
  {%- set own = config.get('full_refresh') -%}
  {%- do return(flags.FULL_REFRESH if own is none else own) -%}
{% endmacro %}

{% macro should_store_failures() %}
  {%- set own = config.get('store_failures') -%}
  {%- do return(flags.STORE_FAILURES if own is none else own) -%}
{% endmacro %}

{% macro is_incremental() %}
  {%- if not execute -%}{%- do return(false) -%}{%- endif -%}
  {%- set there = adapter.get_relation(this.database, this.schema, this.table) -%}
  {%- do return(there is not none and there.type == 'table' and model.config.materialized == 'incremental' and not should_full_refresh()) -%}
{% endmacro %}

{% macro is_core_v2() -%}{%- do return(false) -%}{%- endmacro %}

{#- ---- names ---- -#}
{% macro default__generate_schema_name(custom_schema_name=none, node=none) -%}
  {{ target.schema if custom_schema_name is none else target.schema ~ '_' ~ (custom_schema_name | trim) }}
{%- endmacro %}
{% macro generate_schema_name_for_env(custom_schema_name, node) -%}
  {{ custom_schema_name | trim if target.name == 'prod' and custom_schema_name is not none else target.schema }}
{%- endmacro %}
{% macro default__generate_alias_name(custom_alias_name=none, node=none) -%}
  {%- if custom_alias_name -%}
    {{ custom_alias_name | trim }}
  {%- elif node.version -%}
    {%- do return(node.name ~ '_v' ~ (node.version | replace('.', '_'))) -%}
  {%- else -%}
    {{ node.name }}
  {%- endif -%}
{%- endmacro %}
{% macro default__generate_database_name(custom_database_name=none, node=none) -%}
  {{ target.database if custom_database_name is none else custom_database_name }}
{%- endmacro %}

{#- ---- relations ---- -#}
{% macro load_cached_relation(relation) %}
  {%- do return(adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier)) -%}
{% endmacro %}
{% macro load_relation(relation) %}{%- do return(load_cached_relation(relation)) -%}{% endmacro %}
{% macro drop_relation_if_exists(relation) %}
  {%- if relation is not none -%}{%- do adapter.drop_relation(relation) -%}{%- endif -%}
{% endmacro %}
{% macro default__get_or_create_relation(database, schema, identifier, type) %}
  {%- set found = adapter.get_relation(database=database, schema=schema, identifier=identifier) -%}
  {%- if found -%}{%- do return([true, found]) -%}{%- endif -%}
  {%- do return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) -%}
{% endmacro %}
{% macro default__make_intermediate_relation(base_relation, suffix='__dbt_tmp') %}
  {%- do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) -%}
{% endmacro %}
{% macro default__make_temp_relation(base_relation, suffix='__dbt_tmp') %}
  {%- do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) -%}
{% endmacro %}
{% macro default__make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') %}
  {%- do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix}, type=backup_relation_type)) -%}
{% endmacro %}
{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') %}
  {%- set suffix = suffix ~ '_' ~ model.batch.id if suffix == '__dbt_tmp' and model.batch else suffix -%}
  {%- do return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) -%}
{% endmacro %}
{#- Temporary tables of DuckDB belong to their connection; the time keeps one run's apart from another's. -#}
{% macro duckdb__make_temp_relation(base_relation, suffix='__dbt_tmp') %}
  {%- do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix ~ py_current_timestring(), 'schema': none, 'database': none})) -%}
{% endmacro %}
{% macro duckdb__dispatch_temporary_relation(target_relation, batch_id='') %}
  {%- do return({'relation': make_temp_relation(target_relation), 'temporary': true}) -%}
{% endmacro %}
{% macro default__truncate_relation(relation) -%}
  {%- call statement('truncate_relation') -%}truncate table {{ relation.render() }}{%- endcall -%}
{%- endmacro %}
{% macro duckdb__drop_relation(relation) -%}
  {%- call statement('drop_relation', auto_begin=false) -%}drop {{ relation.type }} if exists {{ relation }} cascade{%- endcall -%}
{%- endmacro %}
{% macro duckdb__rename_relation(from_relation, to_relation) -%}
  {%- call statement('rename_relation') -%}
    alter {{ to_relation.type }} {{ from_relation }} rename to {{ adapter.quote_as_configured(to_relation.identifier, 'identifier') }}
  {%- endcall -%}
{%- endmacro %}
{% macro default__drop_view(relation) -%}drop view if exists {{ relation.render() }} cascade{%- endmacro %}
{% macro default__drop_table(relation) -%}drop table if exists {{ relation.render() }} cascade{%- endmacro %}
{% macro default__get_drop_sql(relation) -%}
  {%- if relation.is_view -%}{{ drop_view(relation) }}{%- elif relation.is_table -%}{{ drop_table(relation) }}
  {%- else -%}drop {{ relation.type }} if exists {{ relation.render() }} cascade{%- endif -%}
{%- endmacro %}

{#- ---- schemas ---- -#}
{% macro duckdb__create_schema(relation) -%}
  {%- call statement('create_schema') -%}create schema if not exists {{ relation.without_identifier() }}{%- endcall -%}
{%- endmacro %}
{% macro duckdb__drop_schema(relation) -%}
  {%- call statement('drop_schema') -%}drop schema if exists {{ relation.without_identifier() }} cascade{%- endcall -%}
{%- endmacro %}
{% macro default__drop_schema_named(schema_name) %}{%- do adapter.drop_schema(api.Relation.create(schema=schema_name)) -%}{% endmacro %}
{% macro duckdb__list_schemas(database) -%}
  {%- do return(run_query("select schema_name from system.information_schema.schemata"
                          ~ (" where lower(catalog_name) = '" ~ (database | lower) ~ "'" if database is not none else ''))) -%}
{%- endmacro %}
{% macro duckdb__check_schema_exists(information_schema, schema) -%}
  {%- do return(run_query("select count(*) from system.information_schema.schemata where lower(schema_name) = '" ~ (schema | lower)
                          ~ "' and lower(catalog_name) = '" ~ (information_schema.database | lower) ~ "'")) -%}
{%- endmacro %}
{% macro duckdb__list_relations_without_caching(schema_relation) %}
  {%- call statement('list_relations_without_caching', fetch_result=true) -%}
    select '{{ schema_relation.database }}' as database, table_name as name, table_schema as schema,
           case table_type when 'BASE TABLE' then 'table' when 'VIEW' then 'view' when 'LOCAL TEMPORARY' then 'table' end as type
    from system.information_schema.tables
    where lower(table_schema) = '{{ schema_relation.schema | lower }}' and lower(table_catalog) = '{{ schema_relation.database | lower }}'
  {%- endcall -%}
  {%- do return(load_result('list_relations_without_caching').table) -%}
{% endmacro %}

{#- ---- columns ---- -#}
{% macro sql_convert_columns_in_relation(table) -%}
  {%- set columns = [] -%}
  {%- for row in table -%}{%- do columns.append(api.Column(*row)) -%}{%- endfor -%}
  {%- do return(columns) -%}
{%- endmacro %}
{% macro duckdb__get_columns_in_relation(relation) -%}
  {%- call statement('get_columns_in_relation', fetch_result=true) -%}
    select column_name, column_type as data_type, cast(null as bigint) as character_maximum_length, cast(null as bigint) as numeric_precision,
           cast(null as bigint) as numeric_scale
    from (describe {{ relation.render() }})
  {%- endcall -%}
  {%- do return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) -%}
{%- endmacro %}
{% macro get_list_of_column_names(columns) -%}{%- do return(columns | map(attribute='name') | list) -%}{%- endmacro %}
{% macro get_quoted_csv(column_names) %}
  {%- set quoted = [] -%}
  {%- for name in column_names -%}{%- do quoted.append(adapter.quote(name)) -%}{%- endfor -%}
  {%- do return(quoted | join(', ')) -%}
{% endmacro %}
{#- DESCRIBE cannot parse a header in front of the query, so that runs first. -#}
{% macro duckdb__get_empty_subquery_sql(select_sql, select_sql_header=none) %}
  {%- if select_sql_header is not none -%}{%- do run_query(select_sql_header) -%}{%- endif -%}
  select * from (
      {{ select_sql }}
  ) as __dbt_sbq
  where false
  limit 0
{% endmacro %}
{% macro default__get_empty_schema_sql(columns) %}
  {%- set untyped = [] -%}
  {%- set naked = [] -%}
    {{- 'select\n    ' -}}
  {%- for column in columns.values() -%}
    {%- if column['data_type'] is not defined or column['data_type'] is none -%}{%- do untyped.append(column['name']) -%}
    {%- elif column['data_type'].strip() | lower in ('numeric', 'decimal', 'number') -%}{%- do naked.append(column['name']) -%}
    {%- endif -%}
    {{- '\n      ' -}}
    {{- cast('null', column['data_type']) }} as {{ adapter.quote(column['name']) if column.get('quote') else column['name'] }}{{ ', ' if not loop.last }}
  {%- endfor -%}
  {%- if untyped -%}{%- do exceptions.column_type_missing(column_names=untyped) -%}
  {%- elif naked -%}
    {%- do exceptions.warn('Detected columns with numeric type and unspecified precision/scale, this can lead to unintended rounding: ' ~ naked ~ '`') -%}
  {%- endif -%}
{% endmacro %}
{% macro get_column_schema_from_query(select_sql, select_sql_header=none) -%}
  {%- do return(adapter.get_column_schema_from_query(get_empty_subquery_sql(select_sql, select_sql_header))) -%}
{%- endmacro %}
{% macro default__get_columns_in_query(select_sql) %}
  {%- call statement('get_columns_in_query', fetch_result=true, auto_begin=false) -%}{{ get_empty_subquery_sql(select_sql) }}{%- endcall -%}
  {%- do return(load_result('get_columns_in_query').table.columns | map(attribute='name') | list) -%}
{% endmacro %}
{% macro default__alter_column_type(relation, column_name, new_column_type) -%}
  {%- set spare = adapter.quote(column_name ~ '__dbt_alter') -%}
  {%- set column = adapter.quote(column_name) -%}
  {%- call statement('alter_column_type') -%}
    alter table {{ relation.render() }} add column {{ spare }} {{ new_column_type }};
    update {{ relation.render() }} set {{ spare }} = {{ column }};
    alter table {{ relation.render() }} drop column {{ column }} cascade;
    alter table {{ relation.render() }} rename column {{ spare }} to {{ column }}
  {%- endcall -%}
{%- endmacro %}
{% macro duckdb__alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) %}
  {%- for column in add_columns or [] -%}
    {%- do run_query('alter ' ~ relation.type ~ ' ' ~ relation ~ ' add column ' ~ api.Relation.create(identifier=column.name) ~ ' ' ~ column.data_type) -%}
  {%- endfor -%}
  {%- for column in remove_columns or [] -%}
    {%- do run_query('alter ' ~ relation.type ~ ' ' ~ relation ~ ' drop column ' ~ api.Relation.create(identifier=column.name)) -%}
  {%- endfor -%}
{% endmacro %}

{#- ---- comments, grants, indexes ---- -#}
{% macro default__persist_docs(relation, model, for_relation=true, for_columns=true) -%}
  {%- if for_relation and config.persist_relation_docs() and model.description -%}
    {%- do run_query(alter_relation_comment(relation, model.description)) -%}
  {%- endif -%}
  {%- if for_columns and config.persist_column_docs() and model.columns -%}
    {%- set known = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set text = alter_column_comment(relation, validate_doc_columns(relation, model.columns, known)) -%}
    {%- if text and text | trim -%}{%- do run_query(text) -%}{%- endif -%}
  {%- endif -%}
{%- endmacro %}
{% macro validate_doc_columns(relation, column_dict, existing_column_names) %}
  {%- set lower_names = existing_column_names | map('lower') | list -%}
  {%- set here = {} -%}
  {%- set missing = [] -%}
  {%- for name, column in column_dict.items() -%}
    {%- if ((name in existing_column_names) if column['quote'] else (name | lower in lower_names)) -%}{%- do here.update({name: column}) -%}
    {%- else -%}{%- do missing.append(name) -%}{%- endif -%}
  {%- endfor -%}
  {%- if missing -%}
    {%- do exceptions.warn('In relation ' ~ relation.render() ~ ': The following columns are specified in the schema but are not present in the database: '
                           ~ missing | join(', ')) -%}
  {%- endif -%}
  {%- do return(here) -%}
{% endmacro %}
{% macro duckdb_escape_comment(comment) -%}
  {%- set mark = '$dbt_comment_literal_block$' -%}
  {%- if comment is not string -%}{%- do exceptions.raise_compiler_error('cannot escape a non-string: ' ~ comment) -%}{%- endif -%}
  {%- if mark in comment -%}{%- do exceptions.raise_compiler_error('The string ' ~ mark ~ ' is not allowed in comments.') -%}{%- endif -%}
  {{ mark ~ comment ~ mark }}
{%- endmacro %}
{% macro duckdb__alter_relation_comment(relation, comment) %}comment on {{ relation.type }} {{ relation }} is {{ duckdb_escape_comment(comment) }};{% endmacro %}
{% macro duckdb__alter_column_comment(relation, column_dict) %}
  {%- set known = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
  {%- for name, column in column_dict.items() if name in known %}
    comment on column {{ relation }}.{{ adapter.quote(name) if column['quote'] else name }} is {{ duckdb_escape_comment(column['description']) }};
  {%- endfor -%}
{% endmacro %}
{% macro default__copy_grants() %}{%- do return(true) -%}{% endmacro %}
{% macro should_revoke(existing_relation, full_refresh_mode=true) %}
  {%- do return(false if not existing_relation else copy_grants() if full_refresh_mode else true) -%}
{% endmacro %}
{% macro duckdb__apply_grants(relation, grant_config, should_revoke=true) %}
  {%- if grant_config -%}{%- do adapter.warn_once('Grants for relations are not supported by DuckDB') -%}{%- endif -%}
{% endmacro %}
{% macro duckdb__get_create_index_sql(relation, index_dict) -%}
  {%- set index = adapter.parse_index(index_dict) -%}
  create {{ 'unique' if index.unique }} index "{{ index.render(relation) }}" on {{ relation }} ({{ index.columns | join(', ') }});
{%- endmacro %}
{% macro default__create_indexes(relation) -%}
  {%- for index in config.get('indexes', default=[]) -%}
    {%- set text = get_create_index_sql(relation, index) -%}
    {%- if text -%}{%- do run_query(text) -%}{%- endif -%}
  {%- endfor -%}
{%- endmacro %}
{% macro drop_indexes_on_relation(relation) -%}
  {%- call statement('get_indexes_on_relation', fetch_result=true, auto_begin=false) -%}
    select index_name from duckdb_indexes()
    where database_name = '{{ relation.database }}' and schema_name = '{{ relation.schema }}' and table_name = '{{ relation.identifier }}'
  {%- endcall -%}
  {%- for row in load_result('get_indexes_on_relation').table -%}
    {%- call statement(auto_begin=false) -%}drop index "{{ relation.database }}"."{{ relation.schema }}"."{{ row[0] }}"{%- endcall -%}
  {%- endfor -%}
{%- endmacro %}

{#- ---- contracts ---- -#}
{% macro get_column_names() %}
  (
  {%- for column in model['columns'].values() %} {{ adapter.quote(column['name']) if column.get('quote') else column['name'] }}{{ ',' if not loop.last }}
  {%- endfor %} )
{% endmacro %}
{% macro default__get_column_names() %}
  {%- for column in model['columns'].values() -%}
    {{ adapter.quote(column['name']) if column.get('quote') else column['name'] }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}
{% macro default__get_select_subquery(sql) %}
  select {{ adapter.dispatch('get_column_names', 'dbt')() }}
  from (
      {{ sql }}
  ) as model_subq
{%- endmacro %}
{% macro table_columns_and_constraints() %}
  {%- set parts = adapter.render_raw_columns_constraints(raw_columns=model['columns'])
                  + adapter.render_raw_model_constraints(raw_constraints=model['constraints']) -%}
  ( {{ parts | join(', ') }} )
{% endmacro %}
{% macro default__get_table_columns_and_constraints() -%}{%- do return(table_columns_and_constraints()) -%}{%- endmacro %}
{% macro default__format_column(column) -%}
  {%- do return({'name': column.name, 'data_type': column.dtype, 'formatted': column.column | lower ~ ' ' ~ column.dtype}) -%}
{%- endmacro %}
{% macro format_columns(columns) %}
  {%- set out = [] -%}
  {%- for column in columns -%}{%- do out.append(adapter.dispatch('format_column', 'dbt')(column)) -%}{%- endfor -%}
  {%- do return(out) -%}
{% endmacro %}
{#- The columns of the query and those of the yml must be the same, in name and type. -#}
{% macro assert_columns_equivalent(sql) %}
  {%- if not model['columns'] -%}{%- do exceptions.raise_contract_error([], []) -%}{%- endif -%}
  {%- set has = format_columns(get_column_schema_from_query(sql, config.get('sql_header', none))) -%}
  {%- set wants = format_columns(get_column_schema_from_query(get_empty_schema_sql(model['columns']))) -%}
  {%- set wanted = {} -%}
  {%- for column in wants -%}{%- do wanted.update({column['name']: column['formatted']}) -%}{%- endfor -%}
  {%- if has | length != wants | length -%}{%- do exceptions.raise_contract_error(wants, has) -%}{%- endif -%}
  {%- for column in has if wanted.get(column['name']) != column['formatted'] -%}{%- do exceptions.raise_contract_error(wants, has) -%}{%- endfor -%}
{% endmacro %}
{% macro default__get_assert_columns_equivalent(sql) -%}{%- do return(assert_columns_equivalent(sql)) -%}{%- endmacro %}

{#- ---- showing, time ---- -#}
{% macro default__get_limit_sql(sql, limit) %}
  {{ sql }}
  {% if limit is not none %}
  limit {{ limit }}
  {%- endif -%}
{% endmacro %}
{%- macro get_limit_subquery_sql(sql, limit) -%}{{ adapter.dispatch('get_limit_sql', 'dbt')(sql, limit) }}{%- endmacro -%}
{% macro get_show_sql(compiled_code, sql_header, limit) -%}
  {{ sql_header if sql_header is not none }}
  {{ get_limit_subquery_sql(compiled_code, limit) }}
{%- endmacro %}
{% macro default__validate_sql(sql) -%}
  {%- call statement('validate_sql') -%}explain {{ sql }}{%- endcall -%}
  {%- do return(load_result('validate_sql')) -%}
{%- endmacro %}
{% macro duckdb__current_timestamp() -%}
  now()
{%- endmacro %}
{% macro duckdb__snapshot_get_time() -%}
  {{ current_timestamp() }}::timestamp
{%- endmacro %}
{% macro duckdb__snapshot_string_as_time(timestamp) -%}{%- do return("'" ~ timestamp ~ "'::timestamp") -%}{%- endmacro %}
{% macro default__current_timestamp_backcompat() %}current_timestamp::timestamp{% endmacro %}
{% macro default__current_timestamp_in_utc_backcompat() %}{%- do return(current_timestamp_backcompat()) -%}{% endmacro %}
{% macro py_current_timestring() %}{%- do return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) -%}{% endmacro %}
{% macro convert_datetime(date_str, date_fmt) %}
  {%- set message = "The provided partition date '" ~ date_str ~ "' does not match the expected format '" ~ date_fmt ~ "'" -%}
  {%- do return(try_or_compiler_error(message, modules.datetime.datetime.strptime, date_str.strip(), date_fmt)) -%}
{% endmacro %}
{% macro dates_in_range(start_date_str, end_date_str=none, in_fmt="%Y%m%d", out_fmt="%Y%m%d") %}
  {%- set first = convert_datetime(start_date_str, in_fmt) -%}
  {%- set last = first if end_date_str is none else convert_datetime(end_date_str, in_fmt) -%}
  {%- set days = (last - first).days -%}
  {%- if days < 0 -%}
    {%- do exceptions.raise_compiler_error('Partition start date is after the end date (' ~ first ~ ', ' ~ last ~ ')', model) -%}
  {%- endif -%}
  {%- set out = [] -%}
  {%- for i in range(days + 1) -%}
    {%- set day = modules.datetime.timedelta(days=i) + first -%}
    {%- do out.append(day.strftime(out_fmt) if out_fmt else day) -%}
  {%- endfor -%}
  {%- do return(out) -%}
{% endmacro %}
{% macro partition_range(raw_partition_date, date_fmt='%Y%m%d') %}
  {%- set parts = (raw_partition_date | string).split(',') -%}
  {%- if parts | length > 2 -%}
    {%- do exceptions.raise_compiler_error('Invalid partition time. Expected format: {Start Date}[,{End Date}]. Got: ' ~ raw_partition_date) -%}
  {%- endif -%}
  {%- do return(dates_in_range(parts[0], parts[1] if parts | length == 2 else none, in_fmt=date_fmt)) -%}
{% endmacro %}
{% macro py_current_date() %}{%- do return(modules.datetime.date.today()) -%}{% endmacro %}

{#- ---- freshness, catalog ---- -#}
{% macro default__collect_freshness(source, loaded_at_field, filter) %}
  {%- call statement('collect_freshness', fetch_result=true, auto_begin=false) -%}
    select max({{ loaded_at_field }}) as max_loaded_at, {{ current_timestamp() }} as snapshotted_at
    from {{ source }}
    {% if filter %}where {{ filter }}{% endif %}
  {%- endcall -%}
  {%- do return(load_result('collect_freshness')) -%}
{% endmacro %}
{% macro default__collect_freshness_custom_sql(source, loaded_at_query) %}
  {%- call statement('collect_freshness_custom_sql', fetch_result=true, auto_begin=false) -%}
    with source_query as (
      {{ loaded_at_query }}
    )
    select (select * from source_query) as max_loaded_at, {{ current_timestamp() }} as snapshotted_at
  {%- endcall -%}
  {%- do return(load_result('collect_freshness_custom_sql')) -%}
{% endmacro %}
