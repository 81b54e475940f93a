{#- CREATE in its forms. -#}
{% macro duckdb__create_view_as(relation, sql) -%}
  {%- if config.get('contract').enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif -%}
  {%- set header = config.get('sql_header', none) -%}
  {{ header if header is not none }}
  create view {{ relation }} as (
    {{ sql }}
  );
{%- endmacro %}
{% macro default__get_create_view_as_sql(relation, sql) -%}{%- do return(create_view_as(relation, sql)) -%}{%- endmacro %}

{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
  {%- if language != 'sql' -%}
    {%- do exceptions.raise_compiler_error("create_table_as: the language '" ~ language ~ "' is not supported") -%}
  {%- endif -%}
  {%- set enforced = config.get('contract').enforced -%}
  {%- set header = config.get('sql_header', none) -%}
  {%- if enforced -%}{{ get_assert_columns_equivalent(compiled_code) }}{%- endif -%}
  {{ header if header is not none }}
  create {{ 'temporary ' if temporary }}table {{ relation.include(database=(not temporary), schema=(not temporary)) }}
  {%- if enforced and not temporary %}
  {{ get_table_columns_and_constraints() }} ;
  insert into {{ relation }} {{ get_column_names() }} (
    {{ get_select_subquery(compiled_code) }}
  );
  {%- else %}
  as (
    {{ compiled_code }}
  );
  {%- endif -%}
{%- endmacro %}
{% macro default__get_create_table_as_sql(temporary, relation, sql) -%}{%- do return(create_table_as(temporary, relation, sql)) -%}{%- endmacro %}

{% macro default__get_create_sql(relation, sql) -%}
  {%- if relation.is_view -%}{{ get_create_view_as_sql(relation, sql) }}
  {%- elif relation.is_table -%}{{ get_create_table_as_sql(false, relation, sql) }}
  {%- else -%}{%- do exceptions.raise_compiler_error('`get_create_sql` has not been implemented for: ' ~ relation.type) -%}
  {%- endif -%}
{%- endmacro %}

{#- A relation made under another name takes the place of the old one, which leaves as a backup. Keeps what refers to it. -#}
{% macro lakefm_swap_in(intermediate, target, existing, backup) %}
  {%- if existing is not none -%}{%- do adapter.rename_relation(existing, backup) -%}{%- endif -%}
  {%- do adapter.rename_relation(intermediate, target) -%}
{% endmacro %}

{%- materialization view, default -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set intermediate = make_intermediate_relation(target_relation) -%}
  {%- set leftover = load_cached_relation(intermediate) -%}
  {%- set backup = make_backup_relation(target_relation, 'view' if existing is none else existing.type) -%}
  {%- set old_backup = load_cached_relation(backup) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=false) -%}
  {%- do drop_relation_if_exists(leftover) -%}
  {%- do drop_relation_if_exists(old_backup) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=true) -%}
  {%- call statement('main') -%}{{ get_create_view_as_sql(intermediate, sql) }}{%- endcall -%}
  {%- do lakefm_swap_in(intermediate, target_relation, load_cached_relation(existing) if existing is not none else none, backup) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=true)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do run_hooks(post_hooks, inside_transaction=true) -%}
  {%- do adapter.commit() -%}
  {%- do drop_relation_if_exists(backup) -%}
  {%- do run_hooks(post_hooks, inside_transaction=false) -%}
  {%- do return({'relations': [target_relation]}) -%}
{%- endmaterialization -%}

{#- DuckDB neither renames a table that a foreign key points at, nor one that has a foreign key: such tables are rebuilt in place. -#}
{% macro lakefm_constraint_types() %}
  {%- set types = [] -%}
  {%- if config.get('contract') and config.get('contract').enforced -%}
    {%- for constraint in model.get('constraints', []) -%}{%- do types.append(constraint.type) -%}{%- endfor -%}
    {%- for column in model.get('columns', {}).values() -%}
      {%- for constraint in column.get('constraints', []) -%}{%- do types.append(constraint.type) -%}{%- endfor -%}
    {%- endfor -%}
  {%- endif -%}
  {%- do return(types) -%}
{% endmacro %}
{% macro lakefm_key_types(existing) %}
  {%- do return(lakefm_constraint_types() + (adapter.existing_key_constraint_types(existing) if existing is not none and existing.is_table else [])) -%}
{% endmacro %}
{% macro lakefm_may_be_in_keys(existing) %}
  {%- set types = lakefm_constraint_types() -%}
  {%- do return('foreign_key' in types or 'primary_key' in types or 'unique' in types or (existing is not none and existing.is_table)) -%}
{% endmacro %}
{#- Tables whose foreign keys point at this one are kept aside as plain copies until their own models build them anew. -#}
{% macro drop_foreign_key_dependents(relation) -%}
  {%- set found = run_query("with recursive fks as (select table_name, referenced_table from duckdb_constraints() where constraint_type = 'FOREIGN KEY'"
      ~ " and lower(database_name) = lower('" ~ relation.database ~ "') and lower(schema_name) = lower('" ~ relation.schema ~ "')"
      ~ " and lower(table_name) <> lower(referenced_table)), d(table_name, depth) as (select table_name, 1 from fks where lower(referenced_table) = lower('"
      ~ relation.identifier ~ "') union select fks.table_name, d.depth + 1 from fks join d on lower(fks.referenced_table) = lower(d.table_name))"
      ~ " select table_name, max(depth) as depth from d group by table_name order by 2 desc, 1") -%}
  {%- set problems = [] -%}
  {%- for row in found -%}
    {%- set ns = namespace(node=none) -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.schema | lower == relation.schema | lower and node.alias | lower == row[0] | lower -%}
      {%- set ns.node = node -%}
    {%- endfor -%}
    {%- if ns.node is none -%}{%- do problems.append(row[0] ~ ' (not built by a dbt model in this project)') -%}
    {%- elif ns.node.unique_id not in selected_resources -%}{%- do problems.append(row[0] ~ ' (model ' ~ ns.node.name ~ ' is not selected in this run)') -%}
    {%- elif ns.node.config.materialized != 'table' and not (ns.node.config.materialized == 'incremental'
             and (flags.FULL_REFRESH if ns.node.config.full_refresh is none else ns.node.config.full_refresh)) -%}
      {%- do problems.append(row[0] ~ ' (model ' ~ ns.node.name ~ ' is materialized as ' ~ ns.node.config.materialized ~ ' and would lose its data; run with --full-refresh)') -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if problems -%}
    {%- do exceptions.raise_compiler_error('Cannot replace ' ~ relation ~ ' because DuckDB does not allow replacing a table that a foreign key references, '
                                           ~ 'and only referencing tables that this run will rebuild can be dropped. Problem tables: ' ~ problems | join('; ')) -%}
  {%- endif -%}
  {%- set dropped = [] -%}
  {%- for row in found -%}
    {%- set dependent = api.Relation.create(database=relation.database, schema=relation.schema, identifier=row[0], type='table') -%}
    {%- set copy = dependent.incorporate(path={'identifier': row[0] ~ '__dbt_fk_backup'}) -%}
    {%- do adapter.drop_relation(copy) -%}
    {%- call statement() -%}create table {{ copy }} as select * from {{ dependent }}{%- endcall -%}
    {%- do adapter.drop_relation(dependent) -%}
    {%- do dropped.append({'relation': dependent, 'backup': copy}) -%}
  {%- endfor -%}
  {%- do return(dropped) -%}
{%- endmacro %}
{% macro restore_foreign_key_dependents(dropped) -%}
  {%- for item in dropped | reverse -%}{%- do adapter.rename_relation(item['backup'], item['relation']) -%}{%- endfor -%}
{%- endmacro %}

{% materialization table, adapter="duckdb", supported_languages=['sql', 'python'] %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set intermediate = make_intermediate_relation(target_relation) -%}
  {%- set leftover = load_cached_relation(intermediate) -%}
  {%- set backup = make_backup_relation(target_relation, 'table' if existing is none else existing.type) -%}
  {%- set old_backup = load_cached_relation(backup) -%}
  {%- set dropped = [] -%}
  {%- do drop_relation_if_exists(leftover) -%}
  {%- do drop_relation_if_exists(old_backup) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=false) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=true) -%}
  {%- set keys = lakefm_key_types(existing) if lakefm_may_be_in_keys(existing) else [] -%}
  {%- if 'foreign_key' in keys -%}
    {%- if existing is not none -%}
      {%- do adapter.ensure_transaction() -%}
      {%- set dropped = drop_foreign_key_dependents(existing) if existing.is_table and ('primary_key' in keys or 'unique' in keys) else [] -%}
      {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement('main', language=model['language']) -%}{{ create_table_as(false, target_relation, compiled_code, model['language']) }}{%- endcall -%}
    {%- do restore_foreign_key_dependents(dropped) -%}
  {%- else -%}
    {%- call statement('main', language=model['language']) -%}{{ create_table_as(false, intermediate, compiled_code, model['language']) }}{%- endcall -%}
    {%- if existing is not none -%}
      {%- do drop_indexes_on_relation(existing) -%}
      {%- set dropped = drop_foreign_key_dependents(existing) if existing.is_table and ('primary_key' in keys or 'unique' in keys) else [] -%}
    {%- endif -%}
    {%- do lakefm_swap_in(intermediate, target_relation, existing, backup) -%}
    {%- do restore_foreign_key_dependents(dropped) -%}
  {%- endif -%}
  {%- do create_indexes(target_relation) -%}
  {%- do run_hooks(post_hooks, inside_transaction=true) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=true)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do adapter.commit() -%}
  {%- do drop_relation_if_exists(backup) -%}
  {%- do run_hooks(post_hooks, inside_transaction=false) -%}
  {%- do return({'relations': [target_relation]}) -%}
{% endmaterialization %}

{% materialization table_function, adapter='duckdb' %}
  {%- set target_relation = api.Relation.create(identifier=model['alias'], schema=schema, database=database, type='view') -%}
  {%- set parameters = config.get('parameters') -%}
  {%- do run_hooks(pre_hooks, inside_transaction=false) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=true) -%}
  {%- call statement('main') -%}
    create or replace function {{ target_relation.render() }}(
      {{ '' if not parameters else parameters if parameters is string or parameters is number else parameters | join(', ') }}
    ) as table (
      {{ sql }});
  {%- endcall -%}
  {%- do run_hooks(post_hooks, inside_transaction=true) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do adapter.commit() -%}
  {%- do run_hooks(post_hooks, inside_transaction=false) -%}
  {%- do return({'relations': [target_relation]}) -%}
{% endmaterialization %}

{#- ---- external files ---- -#}
{%- macro external_location(relation, config) -%}
  {{- adapter.external_root() }}/{{ relation.identifier }}
  {%- if config.get('options', {}).get('partition_by') is none %}.{{ config.get('format', 'parquet') }}{% endif -%}
{%- endmacro -%}
{% macro location_exists(location) -%}{%- do return(adapter.location_exists(location)) -%}{%- endmacro %}
{% macro write_to_file(relation, location, options) -%}
  {%- call statement('write_to_file') -%}copy {{ relation }} to '{{ location }}' ({{ options }}){%- endcall -%}
{%- endmacro %}
{% macro render_write_options(config) -%}
  {%- set given = config.get('options', {}) -%}
  {%- if given is not mapping -%}{%- do exceptions.raise_compiler_error('The options argument must be a dictionary') -%}{%- endif -%}
  {%- set options = {} -%}
  {%- for key, value in given.items() -%}{%- do options.update({key: render(value)}) -%}{%- endfor -%}
  {%- for key in ['format', 'delimiter'] if config.get(key) -%}{%- do options.update({key: render(config.get(key))}) -%}{%- endfor -%}
  {%- do return(options) -%}
{%- endmacro %}
{% macro lakefm_reader(format, location, options, types, empty) %}
  select * from read_{{ format }}('{{ location }}'
  {%- for key, value in options.items() %}, {{ key }}={{ "'" ~ value ~ "'" if value is string else value }}{% endfor -%}
  )
  {%- if empty %} where 1 {%- for column in types %} AND "{{ column.column }}" is not NULL{% endfor %}{% endif %}
{% endmacro %}
{#- A file cannot hold no rows in every format: an empty model is written as one row of nulls, which the view leaves out. -#}
{% materialization external, adapter="duckdb", supported_languages=['sql', 'python'] %}
  {%- set location = render(config.get('location', default=external_location(this, config))) -%}
  {%- set options = render_write_options(config) -%}
  {%- set write_options = adapter.external_write_options(location, options) -%}
  {%- set known = ['csv', 'parquet', 'json'] -%}
  {%- set format = config.get('format') -%}
  {%- if format and format not in known -%}
    {%- do exceptions.raise_compiler_error('Invalid format: ' ~ format ~ '. Allowed formats are: ' ~ known | join(', ')) -%}
  {%- endif -%}
  {%- set format = format or (options['format'] | lower if options['format'] | lower in known else 'parquet') -%}
  {%- set readers = {'parquet': config.get('parquet_read_options', {'union_by_name': False}), 'json': config.get('json_read_options', {'auto_detect': True}),
                     'csv': config.get('csv_read_options', {'auto_detect': True})} -%}
  {%- set read_options = dict(readers[format]) -%}
  {%- if format != 'parquet' and options.get('compression') and 'compression' not in read_options -%}
    {%- do read_options.update({'compression': options['compression']}) -%}
  {%- endif -%}
  {%- set staged = lakefm_staged_location(location) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set scratch = make_intermediate_relation(this.incorporate(type='table'), suffix='__dbt_tmp') -%}
  {%- set intermediate = make_intermediate_relation(target_relation, suffix='__dbt_int') -%}
  {%- set old_scratch = load_cached_relation(scratch) -%}
  {%- set old_intermediate = load_cached_relation(intermediate) -%}
  {%- set backup = make_backup_relation(target_relation, 'table' if existing is none else existing.type) -%}
  {%- set old_backup = load_cached_relation(backup) -%}
  {%- do drop_relation_if_exists(old_intermediate) -%}
  {%- do drop_relation_if_exists(old_scratch) -%}
  {%- do drop_relation_if_exists(old_backup) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=false) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=true) -%}
  {%- call statement('create_table', language=model['language']) -%}{{ create_table_as(false, scratch, compiled_code, model['language']) }}{%- endcall -%}
  {%- set rows = run_query('select count(*) as row_count from ' ~ scratch)[0][0] -%}
  {%- set types = get_columns_in_relation(scratch) -%}
  {%- set pad = rows == 0 and not lakefm_publishes() -%}
  {%- if pad -%}
    {%- call statement() -%}insert into {{ scratch }} values ({%- for column in types -%}NULL,{%- endfor -%}){%- endcall -%}
  {%- endif -%}
  {%- do write_to_file(scratch, staged, write_options) -%}
  {%- set shown = target_relation.incorporate(type='view') -%}
  {%- do lakefm_wrote(location, staged, rows, 'create or replace view ' ~ shown ~ ' as ('
                      ~ lakefm_reader(format, adapter.external_read_location(location, options), read_options, types, pad) ~ ')') -%}
  {%- call statement('main', language='sql') -%}
    create or replace view {{ intermediate }} as (
      {{ lakefm_reader(format, adapter.external_read_location(staged, options), read_options, types, pad) }}
    );
  {%- endcall -%}
  {%- do lakefm_swap_in(intermediate, target_relation, existing, backup) -%}
  {%- do run_hooks(post_hooks, inside_transaction=true) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=true)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do adapter.commit() -%}
  {%- do drop_relation_if_exists(backup) -%}
  {%- do drop_relation_if_exists(scratch) -%}
  {%- do run_hooks(post_hooks, inside_transaction=false) -%}
  {%- do return({'relations': [target_relation]}) -%}
{% endmaterialization %}

{%- macro register_upstream_external_models() -%}
  {%- if execute -%}
    {%- set seen = [] -%}
    {%- for id in selected_resources if id in graph['nodes'] -%}
      {%- for up in graph['nodes'][id]['depends_on']['nodes'] if up not in seen and up not in selected_resources -%}
        {%- do seen.append(up) -%}
        {%- set node = graph['nodes'].get(up) -%}
        {%- if node and node.resource_type in ('model', 'seed') and node.config.materialized == 'external' -%}
          {%- set relation = api.Relation.create(database=node['database'], schema=node['schema'], identifier=node['alias']) -%}
          {%- set location = node.config.get('location', external_location(relation, node.config)) -%}
          {%- call statement() -%}create schema if not exists {{ relation.without_identifier() }}{%- endcall -%}
          {%- call statement() -%}
            create or replace view {{ relation }} as (select * from '{{ adapter.external_read_location(location, render_write_options(node.config)) }}');
          {%- endcall -%}
        {%- endif -%}
      {%- endfor -%}
    {%- endfor -%}
    {%- do adapter.commit() -%}
  {%- endif -%}
{%- endmacro -%}

{#- ---- seeds ---- -#}
{% macro default__create_csv_table(model, agate_table) %}
  {%- set given = model['config'].get('column_types', {}) -%}
  {%- set quote = model['config'].get('quote_columns', none) -%}
  {%- set text -%}
    create table {{ this.render() }} (
    {%- for name in agate_table.column_names -%}
      {%- set type = given.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
      {{ adapter.quote_seed_column(name | string, quote) }} {{ type }}{{ ', ' if not loop.last }}
    {%- endfor -%} )
  {%- endset -%}
  {%- call statement('_') -%}{{ text }}{%- endcall -%}
  {%- do return(text) -%}
{% endmacro %}
{% macro default__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
  {%- if full_refresh -%}
    {%- do adapter.drop_relation(old_relation) -%}
    {%- do return(create_csv_table(model, agate_table)) -%}
  {%- endif -%}
  {%- do adapter.truncate_relation(old_relation) -%}
  {%- do return('truncate table ' ~ old_relation.render()) -%}
{% endmacro %}
{% macro default__get_csv_sql(create_or_truncate_sql, insert_sql) %}
    {{ create_or_truncate_sql }};
    -- dbt seed --
    {{ insert_sql }}
{% endmacro %}
{% macro duckdb__get_binding_char() %}{%- do return(adapter.get_binding_char()) -%}{% endmacro %}
{% macro default__get_batch_size() %}{%- do return(10000) -%}{% endmacro %}
{% macro get_seed_column_quoted_csv(model, column_names) %}
  {%- set out = [] -%}
  {%- for name in column_names -%}{%- do out.append(adapter.quote_seed_column(name, model['config'].get('quote_columns', none))) -%}{%- endfor -%}
  {%- do return(out | join(', ')) -%}
{% endmacro %}
{% macro duckdb__load_csv_rows(model, agate_table) %}
  {%- if config.get('fast', true) -%}
    {%- set text = "COPY " ~ this.render() ~ " FROM '" ~ adapter.get_seed_file_path(model) ~ "' (FORMAT CSV, HEADER TRUE, DELIMITER '"
                   ~ config.get('delimiter', ',') ~ "')" -%}
    {%- do adapter.add_query(text, abridge_sql_log=true) -%}
    {%- do return(text) -%}
  {%- endif -%}
  {%- set first = [] -%}
  {%- for chunk in agate_table.rows | batch(get_batch_size()) -%}
    {%- set values = [] -%}
    {%- set places = [] -%}
    {%- for row in chunk -%}
      {%- do values.extend(row) -%}
      {%- do places.append('(' ~ ([get_binding_char()] * agate_table.column_names | length) | join(',') ~ ')') -%}
    {%- endfor -%}
    {%- set text = 'insert into ' ~ this.render() ~ ' (' ~ get_seed_column_quoted_csv(model, agate_table.column_names) ~ ') values ' ~ places | join(',') -%}
    {%- do adapter.add_query(text, bindings=values, abridge_sql_log=true) -%}
    {%- do first.append(text) if not first -%}
  {%- endfor -%}
  {%- do return(first[0]) -%}
{% endmacro %}
{% materialization seed, default %}
  {%- set full_refresh = should_full_refresh() -%}
  {%- set old = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
  {%- set is_table = old is not none and old.is_table -%}
  {%- set agate_table = load_agate_table() -%}
  {%- do store_result('agate_table', response='OK', agate_table=agate_table) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=false) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=true) -%}
  {%- if old is not none and old.is_view -%}
    {%- do exceptions.raise_compiler_error("Cannot seed to '" ~ old.render() ~ "', it is a view") -%}
  {%- endif -%}
  {%- set made = reset_csv_table(model, full_refresh, old, agate_table) if is_table else create_csv_table(model, agate_table) -%}
  {%- set code = 'CREATE' if full_refresh else 'INSERT' -%}
  {%- set rows = agate_table.rows | length -%}
  {%- set loaded = load_csv_rows(model, agate_table) if rows > 0 else '' -%}
  {%- call noop_statement('main', code ~ ' ' ~ rows, code, rows) -%}{{ get_csv_sql(made, loaded) }};{%- endcall -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(old, full_refresh)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if full_refresh or not is_table -%}{%- do create_indexes(target_relation) -%}{%- endif -%}
  {%- do run_hooks(post_hooks, inside_transaction=true) -%}
  {%- do adapter.commit() -%}
  {%- do run_hooks(post_hooks, inside_transaction=false) -%}
  {%- do return({'relations': [target_relation]}) -%}
{% endmaterialization %}
