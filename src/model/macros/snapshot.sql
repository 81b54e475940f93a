{#- Snapshots: type 2 history. The query's rows are compared with the open ones; what changed is closed and written anew. -#}
{% macro default__get_true_sql() %}{%- do return('TRUE') -%}{% endmacro %}
{% macro get_snapshot_table_column_names() %}
  {%- do return({'dbt_valid_to': 'dbt_valid_to', 'dbt_valid_from': 'dbt_valid_from', 'dbt_scd_id': 'dbt_scd_id', 'dbt_updated_at': 'dbt_updated_at',
                 'dbt_is_deleted': 'dbt_is_deleted'}) -%}
{% endmacro %}
{% macro lakefm_names() %}{%- do return(config.get('snapshot_table_column_names') or get_snapshot_table_column_names()) -%}{% endmacro %}
{% macro lakefm_keys(unique_key) %}{%- do return(unique_key if unique_key is sequence and unique_key is not string else none) -%}{% endmacro %}

{% macro unique_key_fields(unique_key) %}
  {%- set keys = lakefm_keys(unique_key) -%}
  {%- if keys is none -%}{{ unique_key }} as dbt_unique_key
  {%- else -%}{%- for key in keys -%}{{ key }} as dbt_unique_key_{{ loop.index }}{{ ', ' if not loop.last }}{%- endfor -%}{%- endif -%}
{% endmacro %}
{% macro unique_key_join_on(unique_key, identifier, from_identifier) %}
  {%- set keys = lakefm_keys(unique_key) -%}
  {%- if keys is none -%}{{ identifier }}.dbt_unique_key = {{ from_identifier }}.dbt_unique_key
  {%- else -%}
    {%- for key in keys -%}
      {{ equals(identifier ~ '.dbt_unique_key_' ~ loop.index, from_identifier ~ '.dbt_unique_key_' ~ loop.index) | trim }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
  {%- endif -%}
{% endmacro %}
{% macro unique_key_is_null(unique_key, identifier) %}
  {{- identifier }}.dbt_unique_key{{ '' if lakefm_keys(unique_key) is none else '_1' }} is null
{%- endmacro %}
{% macro unique_key_is_not_null(unique_key, identifier) %}
  {{- identifier }}.dbt_unique_key{{ '' if lakefm_keys(unique_key) is none else '_1' }} is not null
{%- endmacro %}
{% macro get_dbt_valid_to_current(strategy, columns) %}
  coalesce(nullif({{ strategy.updated_at }}, {{ strategy.updated_at }}), {{ config.get('dbt_valid_to_current') or 'null' }})
  as {{ columns.dbt_valid_to }}
{%- endmacro %}

{% macro default__snapshot_hash_arguments(args) -%}
    md5({%- for arg in args -%}
        coalesce(cast({{ arg }} as varchar ), '')
        {%- if not loop.last %}
         || '|' ||{{ ' ' }}
        {%- endif -%}
    {%- endfor %}
        )
{%- endmacro %}
{% macro strategy_dispatch(name) -%}
  {%- set package, bare = name.split('.', 1) if '.' in name else (none, name) -%}
  {%- if package is not none and package not in context -%}
    {%- do exceptions.raise_compiler_error("Could not find package '" ~ package ~ "', called with '" ~ name ~ "'") -%}
  {%- endif -%}
  {%- set where = context if package is none else context[package] -%}
  {%- set macro_name = 'snapshot_' ~ bare ~ '_strategy' -%}
  {%- if macro_name not in where -%}
    {%- do exceptions.raise_compiler_error("The specified strategy macro '" ~ bare ~ "' was not found in package '" ~ package ~ "'") -%}
  {%- endif -%}
  {%- do return(where[macro_name]) -%}
{%- endmacro %}
{% macro lakefm_strategy(primary_key, updated_at, row_changed) %}
  {%- set deletes = adapter.get_hard_deletes_behavior(config) -%}
  {%- do return({'unique_key': primary_key, 'updated_at': updated_at, 'row_changed': row_changed,
                 'scd_id': snapshot_hash_arguments(api.Relation.scd_args(primary_key, updated_at)),
                 'invalidate_hard_deletes': deletes == 'invalidate', 'hard_deletes': deletes}) -%}
{% endmacro %}
{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {%- set updated_at = config.get('updated_at') -%}
  {%- set changed = '(' ~ snapshotted_rel ~ '.' ~ lakefm_names().dbt_valid_from ~ ' < ' ~ current_rel ~ '.' ~ updated_at ~ ')' -%}
  {%- do return(lakefm_strategy(config.get('unique_key'), updated_at, changed)) -%}
{% endmacro %}
{% macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
  {%- if not target_exists -%}{%- do return((false, [])) -%}{%- endif -%}
  {%- if check_cols_config == 'all' -%}
    {%- set wanted = get_columns_in_query(node['compiled_code']) -%}
  {%- elif check_cols_config is iterable and check_cols_config -%}
    {%- set wanted = get_columns_in_query('select ' ~ check_cols_config | join(', ') ~ ' from (\n' ~ node['compiled_code'] ~ '\n) subq') -%}
  {%- else -%}
    {%- do exceptions.raise_compiler_error("Invalid value for 'check_cols': " ~ check_cols_config) -%}
  {%- endif -%}
  {%- set target_relation = adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias) -%}
  {%- set known = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list -%}
  {%- set ns = namespace(added=false) -%}
  {%- set both = [] -%}
  {%- for name in wanted -%}
    {%- if name in known -%}{%- do both.append(adapter.quote(name)) -%}{%- else -%}{%- set ns.added = true -%}{%- endif -%}
  {%- endfor -%}
  {%- do return((ns.added, both)) -%}
{%- endmacro %}
{% macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {%- set added, names = snapshot_check_all_get_existing_columns(node, target_exists, config.get('check_cols')) -%}
  {%- set changed -%}
    (
    {%- if added -%}{{ get_true_sql() }}
    {%- else -%}
      {%- for name in names -%}
        {%- set old = snapshotted_rel ~ '.' ~ name -%}
        {%- set new = current_rel ~ '.' ~ name -%}
        {{ old }} != {{ new }} or ((({{ old }} is null) and not ({{ new }} is null)) or ((not {{ old }} is null) and ({{ new }} is null))){{ ' or ' if not loop.last }}
      {%- endfor -%}
    {%- endif -%}
    )
  {%- endset -%}
  {%- do return(lakefm_strategy(config.get('unique_key'), config.get('updated_at') or snapshot_get_time(), changed)) -%}
{% endmacro %}

{% macro default__build_snapshot_table(strategy, sql) %}
  {%- set columns = lakefm_names() -%}
  select *,
      {{ strategy.scd_id }} as {{ columns.dbt_scd_id }},
      {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
      {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
      {{ get_dbt_valid_to_current(strategy, columns) }}
      {%- if strategy.hard_deletes == 'new_record' %}, 'False' as {{ columns.dbt_is_deleted }}{% endif %}
  from (
      {{ sql }}
  ) sbq
{% endmacro %}
{#- Condition: the row is already marked as deleted in its open version. -#}
{% macro lakefm_is_deleted(columns) %}
  snapshotted_data.{{ columns.dbt_is_deleted }} = 'True' and snapshotted_data.{{ columns.dbt_valid_to }}
  {{- ' = ' ~ config.get('dbt_valid_to_current') if config.get('dbt_valid_to_current') else ' is null' }}
{%- endmacro %}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {%- set columns = lakefm_names() -%}
  {%- set key = strategy.unique_key -%}
  {%- set new_records = strategy.hard_deletes == 'new_record' -%}
  {%- set deletes = strategy.hard_deletes in ('invalidate', 'new_record') -%}
  {%- set current = config.get('dbt_valid_to_current') -%}
  {%- set changed = strategy.row_changed ~ (' or snapshotted_data.' ~ columns.dbt_is_deleted ~ " = 'True'" if new_records else '') -%}
  with snapshot_query as (
      {{ source_sql }}
  ),
  snapshotted_data as (
      select *, {{ unique_key_fields(key) }}
      from {{ target_relation }}
      where {% if current %}( {{ equals(columns.dbt_valid_to, current | trim) | trim }} or {{ columns.dbt_valid_to }} is null ){% else %}{{ columns.dbt_valid_to }} is null{% endif %}
  ),
  insertions_source_data as (
      select *, {{ unique_key_fields(key) }},
          {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
          {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
          {{ get_dbt_valid_to_current(strategy, columns) }},
          {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}
      from snapshot_query
  ),
  updates_source_data as (
      select *, {{ unique_key_fields(key) }},
          {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
          {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
          {{ strategy.updated_at }} as {{ columns.dbt_valid_to }}
      from snapshot_query
  ),
  {%- if deletes %}
  deletes_source_data as (
      select *, {{ unique_key_fields(key) }}
      from snapshot_query
  ),
  {%- endif %}
  insertions as (
      select 'insert' as dbt_change_type, source_data.*{% if new_records %}, 'False' as {{ columns.dbt_is_deleted }}{% endif %}
      from insertions_source_data as source_data
      left outer join snapshotted_data on {{ unique_key_join_on(key, 'snapshotted_data', 'source_data') }}
      where {{ unique_key_is_null(key, 'snapshotted_data') }}
      or ({{ unique_key_is_not_null(key, 'snapshotted_data') }} and ({{ changed }}))
  ),
  updates as (
      select 'update' as dbt_change_type, source_data.*, snapshotted_data.{{ columns.dbt_scd_id }}
          {%- if new_records %}, snapshotted_data.{{ columns.dbt_is_deleted }}{% endif %}
      from updates_source_data as source_data
      join snapshotted_data on {{ unique_key_join_on(key, 'snapshotted_data', 'source_data') }}
      where ({{ changed }})
  )
  {%- if deletes %},
  deletes as (
      select 'delete' as dbt_change_type, source_data.*,
          {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
          {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
          {{ snapshot_get_time() }} as {{ columns.dbt_valid_to }},
          snapshotted_data.{{ columns.dbt_scd_id }}
          {%- if new_records %}, snapshotted_data.{{ columns.dbt_is_deleted }}{% endif %}
      from snapshotted_data
      left join deletes_source_data as source_data on {{ unique_key_join_on(key, 'snapshotted_data', 'source_data') }}
      where {{ unique_key_is_null(key, 'source_data') }}
      {%- if new_records %} and not ( {{ lakefm_is_deleted(columns) }} ){% endif %}
  )
  {%- endif %}
  {%- if new_records %},
  {%- set known = get_list_of_column_names(get_columns_in_relation(target_relation)) %}
  deletion_records as (
      select 'insert' as dbt_change_type,
          {% for name in get_columns_in_query(source_sql) -%}
          {{ 'snapshotted_data' if name in known else 'source_data' }}.{{ adapter.quote(name) }},
          {% endfor -%}
          {%- if lakefm_keys(key) is none %}snapshotted_data.dbt_unique_key as dbt_unique_key,
          {%- else -%}{%- for one in lakefm_keys(key) %}snapshotted_data.{{ one }} as dbt_unique_key_{{ loop.index }}, {% endfor -%}{%- endif %}
          {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
          {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
          snapshotted_data.{{ columns.dbt_valid_to }} as {{ columns.dbt_valid_to }},
          {{ snapshot_hash_arguments([columns.dbt_scd_id, snapshot_get_time()]) }} as {{ columns.dbt_scd_id }},
          'True' as {{ columns.dbt_is_deleted }}
      from snapshotted_data
      left join deletes_source_data as source_data on {{ unique_key_join_on(key, 'snapshotted_data', 'source_data') }}
      where {{ unique_key_is_null(key, 'source_data') }} and not ( {{ lakefm_is_deleted(columns) }} )
  )
  {%- endif %}
  select * from insertions
  union all
  select * from updates
  {%- if deletes %}
  union all
  select * from deletes
  {%- endif %}
  {%- if new_records %}
  union all
  select * from deletion_records
  {%- endif %}
{%- endmacro %}
{% macro build_snapshot_staging_table(strategy, sql, target_relation) %}
  {%- set scratch = make_temp_relation(target_relation) -%}
  {%- set query = snapshot_staging_table(strategy, sql, target_relation) -%}
  {%- call statement('build_snapshot_staging_relation') -%}{{ create_table_as(true, scratch, query) }}{%- endcall -%}
  {%- do return(scratch) -%}
{% endmacro %}
{% macro default__create_columns(relation, columns) %}
  {%- for column in columns -%}
    {%- call statement() -%}alter table {{ relation.render() }} add column {{ adapter.quote(column.name) }} {{ column.expanded_data_type }};{%- endcall -%}
  {%- endfor -%}
{% endmacro %}
{% macro duckdb__snapshot_merge_sql(target, source, insert_cols) -%}
  {%- set columns = lakefm_names() -%}
  {%- set current = config.get('dbt_valid_to_current') -%}
  update {{ target }} as DBT_INTERNAL_TARGET
  set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}
  from {{ source }} as DBT_INTERNAL_SOURCE
  where DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }}::text = DBT_INTERNAL_TARGET.{{ columns.dbt_scd_id }}::text
    and DBT_INTERNAL_SOURCE.dbt_change_type::text in ('update'::text, 'delete'::text)
    and {% if current %}(DBT_INTERNAL_TARGET.{{ columns.dbt_valid_to }} = {{ current }} or DBT_INTERNAL_TARGET.{{ columns.dbt_valid_to }} is null)
    {%- else %}DBT_INTERNAL_TARGET.{{ columns.dbt_valid_to }} is null{% endif %};

  insert into {{ target }} ({{ insert_cols | join(', ') }})
  select {% for column in insert_cols %}DBT_INTERNAL_SOURCE.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
  from {{ source }} as DBT_INTERNAL_SOURCE
  where DBT_INTERNAL_SOURCE.dbt_change_type::text = 'insert'::text;
{%- endmacro %}
{% macro duckdb__post_snapshot(staging_relation) %}{%- do return(drop_relation(staging_relation)) -%}{% endmacro %}
{#- A table whose time columns differ in type from what this run writes is worth a warning. -#}
{% macro get_snapshot_get_time_data_type() %}
  {%- do return(get_column_schema_from_query('select ' ~ snapshot_get_time() ~ ' as dbt_snapshot_time')[0].dtype or none) -%}
{% endmacro %}
{% macro get_updated_at_column_data_type(snapshot_sql) %}
  {%- for column in get_column_schema_from_query(snapshot_sql) if column.column | lower == 'dbt_updated_at' -%}{%- do return(column.dtype) -%}{%- endfor -%}
  {%- do return(none) -%}
{% endmacro %}
{% macro check_time_data_types(sql) %}
  {%- set has = get_updated_at_column_data_type(sql) -%}
  {%- set time = get_snapshot_get_time_data_type() -%}
  {%- if has is not none and time is not none and has != time -%}{%- do exceptions.warn_snapshot_timestamp_data_types(time, has) -%}{%- endif -%}
{% endmacro %}

{% materialization snapshot, default %}
  {%- set exists, target_relation = get_or_create_relation(database=model.database, schema=model.schema, identifier=model.get('alias', model.get('name')), type='table') -%}
  {%- if not target_relation.is_table -%}{%- do exceptions.relation_wrong_type(target_relation, 'table') -%}{%- endif -%}
  {%- do run_hooks(pre_hooks, inside_transaction=false) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=true) -%}
  {%- set strategy = strategy_dispatch(config.get('strategy'))(model, 'snapshotted_data', 'source_data', model['config'], exists) -%}
  {%- set ns = namespace(scratch=none) -%}
  {%- if not exists -%}
    {%- set query = build_snapshot_table(strategy, model['compiled_code']) -%}
    {%- set final_sql = create_table_as(false, target_relation, query) -%}
  {%- else -%}
    {%- do adapter.assert_valid_snapshot_target_given_strategy(target_relation, lakefm_names(), strategy) -%}
    {%- set query = snapshot_staging_table(strategy, sql, target_relation) -%}
    {%- set ns.scratch = build_snapshot_staging_table(strategy, sql, target_relation) -%}
    {%- do adapter.expand_target_column_types(from_relation=ns.scratch, to_relation=target_relation) -%}
    {%- set own = ['dbt_change_type', 'DBT_CHANGE_TYPE', 'dbt_unique_key', 'DBT_UNIQUE_KEY'] -%}
    {%- for key in lakefm_keys(strategy.unique_key) or [] -%}
      {%- do own.extend(['dbt_unique_key_' ~ loop.index, 'DBT_UNIQUE_KEY_' ~ loop.index]) -%}
    {%- endfor -%}
    {%- do create_columns(target_relation, adapter.get_missing_columns(ns.scratch, target_relation) | rejectattr('name', 'in', own) | list) -%}
    {%- set names = [] -%}
    {%- for column in adapter.get_columns_in_relation(ns.scratch) if column.name not in own -%}{%- do names.append(adapter.quote(column.name)) -%}{%- endfor -%}
    {%- set final_sql = snapshot_merge_sql(target=target_relation, source=ns.scratch, insert_cols=names) -%}
  {%- endif -%}
  {%- do check_time_data_types(query) -%}
  {%- call statement('main') -%}{{ final_sql }}{%- endcall -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(exists, full_refresh_mode=false)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if not exists -%}{%- do create_indexes(target_relation) -%}{%- endif -%}
  {%- do run_hooks(post_hooks, inside_transaction=true) -%}
  {%- do adapter.commit() -%}
  {%- if ns.scratch is not none -%}{%- do post_snapshot(ns.scratch) -%}{%- endif -%}
  {%- do run_hooks(post_hooks, inside_transaction=false) -%}
  {%- do return({'relations': [target_relation]}) -%}
{% endmaterialization %}
