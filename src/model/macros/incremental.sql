{#- Incremental models: the new rows go to a temporary table, then into the target as the strategy says. -#}
{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') %}
  {%- do return(on_schema_change if on_schema_change in ['sync_all_columns', 'append_new_columns', 'fail', 'ignore'] else default) -%}
{% endmacro %}
{% macro diff_columns(source_columns, target_columns) %}
  {%- set out = [] -%}
  {%- set names = target_columns | map(attribute='column') | list -%}
  {%- for column in source_columns if column.name not in names -%}{%- do out.append(column) -%}{%- endfor -%}
  {%- do return(out) -%}
{% endmacro %}
{% macro default__diff_column_data_types(source_columns, target_columns) %}
  {%- set out = [] -%}
  {%- for new in source_columns -%}
    {%- set old = target_columns | selectattr('name', 'equalto', new.name) | list | first -%}
    {%- if old and new.expanded_data_type != old.expanded_data_type and not new.can_expand_to(other_column=old) -%}
      {%- do out.append({'column_name': old.name, 'new_type': new.expanded_data_type}) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- do return(out) -%}
{% endmacro %}
{% macro default__check_for_schema_changes(source_relation, target_relation) %}
  {%- set has = adapter.get_columns_in_relation(source_relation) -%}
  {%- set had = adapter.get_columns_in_relation(target_relation) -%}
  {%- set added = diff_columns(has, had) -%}
  {%- set gone = diff_columns(had, has) -%}
  {%- set retyped = diff_column_data_types(has, had) -%}
  {%- do return({'schema_changed': added != [] or gone != [] or retyped != [], 'source_not_in_target': added, 'target_not_in_source': gone,
                 'source_columns': has, 'target_columns': had, 'new_target_types': retyped}) -%}
{% endmacro %}
{% macro default__sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) %}
  {%- set add = schema_changes_dict['source_not_in_target'] -%}
  {%- if on_schema_change == 'append_new_columns' -%}
    {%- if add -%}{%- do alter_relation_add_remove_columns(target_relation, add, none) -%}{%- endif -%}
  {%- elif on_schema_change == 'sync_all_columns' -%}
    {%- set remove = schema_changes_dict['target_not_in_source'] -%}
    {%- if add or remove -%}{%- do alter_relation_add_remove_columns(target_relation, add, remove) -%}{%- endif -%}
    {%- for change in schema_changes_dict['new_target_types'] -%}
      {%- do alter_column_type(target_relation, change['column_name'], change['new_type']) -%}
    {%- endfor -%}
  {%- endif -%}
{% endmacro %}
{% macro default__process_schema_changes(on_schema_change, source_relation, target_relation) %}
  {%- if on_schema_change == 'ignore' -%}{%- do return({}) -%}{%- endif -%}
  {%- set changes = check_for_schema_changes(source_relation, target_relation) -%}
  {%- if changes['schema_changed'] -%}
    {%- if on_schema_change == 'fail' -%}
      {%- set message %}
The source and target schemas on this incremental model are out of sync!
They can be reconciled in several ways:
  - set the `on_schema_change` config to either append_new_columns or sync_all_columns, depending on your situation.
  - Re-run the incremental model with `full_refresh: True` to update the target schema.
  - update the schema manually and re-run the process.

Additional troubleshooting context:
   Source columns not in target: {{ changes['source_not_in_target'] }}
   Target columns not in source: {{ changes['target_not_in_source'] }}
   New column types: {{ changes['new_target_types'] }}
      {%- endset -%}
      {%- do exceptions.raise_compiler_error(message) -%}
    {%- endif -%}
    {%- do sync_column_schemas(on_schema_change, target_relation, changes) -%}
  {%- endif -%}
  {%- do return(changes['source_columns']) -%}
{% endmacro %}

{#- ---- strategies ---- -#}
{% macro get_insert_into_sql(target_relation, temp_relation, dest_columns) %}
  {%- set names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
  insert into {{ target_relation }} ({{ names }})
  (
      select {{ names }}
      from {{ temp_relation }}
  )
{% endmacro %}
{% macro default__get_incremental_append_sql(arg_dict) %}
  {%- do return(get_insert_into_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns'])) -%}
{% endmacro %}
{% macro default__get_incremental_delete_insert_sql(arg_dict) %}
  {%- do return(get_delete_insert_merge_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'], arg_dict['dest_columns'],
                                            arg_dict['incremental_predicates'])) -%}
{% endmacro %}
{% macro duckdb__get_incremental_default_sql(arg_dict) %}{%- do return(get_incremental_delete_insert_sql(arg_dict)) -%}{% endmacro %}
{% macro duckdb__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
  {%- set names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
  {%- set also -%}{%- for predicate in incremental_predicates or [] %} and {{ predicate }}{%- endfor -%}{%- endset -%}
  {%- if unique_key and unique_key is sequence and unique_key is not string %}
  delete from {{ target }} as DBT_INCREMENTAL_TARGET
  using {{ source }}
  where (
      {%- for key in unique_key %} {{ source }}.{{ key }} = DBT_INCREMENTAL_TARGET.{{ key }}{{ ' and' if not loop.last }}{%- endfor %}{{ also }}
  );
  {%- elif unique_key %}
  delete from {{ target }}
  where ({{ unique_key }}) in (
      select ({{ unique_key }})
      from {{ source }}
  ){{ also }};
  {%- endif %}
  insert into {{ target }} ({{ names }})
  (
      select {{ names }}
      from {{ source }}
  )
{%- endmacro %}
{% macro normalize_incremental_predicates(incremental_predicates) -%}
  {%- do return(normalize_string_or_list(incremental_predicates, 'incremental_predicates')) -%}
{%- endmacro -%}
{% macro duckdb__get_incremental_microbatch_sql(arg_dict) -%}
  {%- set column = config.get('event_time') -%}
  {%- if not column -%}{%- do exceptions.raise_compiler_error("microbatch incremental strategy requires an 'event_time' model config") -%}{%- endif -%}
  {%- if config.get('unique_key') -%}
    {%- do exceptions.raise_compiler_error("microbatch incremental strategy does not support 'unique_key': it deletes and inserts by 'event_time'. "
                                           ~ "Remove 'unique_key' or use incremental_strategy='merge'.") -%}
  {%- endif -%}
  {%- set batch = model.get('batch') -%}
  {%- if not (batch and batch.get('event_time_start') and batch.get('event_time_end')) -%}
    {%- do exceptions.raise_compiler_error("microbatch incremental strategy requires 'batch.event_time_start' and 'batch.event_time_end' to be set in the context") -%}
  {%- endif -%}
  {%- set within = column ~ " >= '" ~ batch.get('event_time_start') ~ "' and " ~ column ~ " < '" ~ batch.get('event_time_end') ~ "'" -%}
  {%- set names = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
  {%- set text -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ within }}{% for predicate in normalize_incremental_predicates(arg_dict.get('incremental_predicates')) %} and ({{ predicate }}){% endfor %};

    insert into {{ arg_dict['target_relation'] }} ({{ names }})
    select {{ names }}
    from {{ arg_dict['temp_relation'] }}
    where {{ within }};
  {%- endset -%}
  {%- do return(text) -%}
{%- endmacro %}

{#- ---- merge ---- -#}
{% macro default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}
  {%- if merge_update_columns and merge_exclude_columns -%}
    {%- do exceptions.raise_compiler_error('Model cannot specify merge_update_columns and merge_exclude_columns. Please update model to use only one config') -%}
  {%- endif -%}
  {%- if merge_update_columns -%}{%- do return(merge_update_columns) -%}{%- endif -%}
  {%- set left_out = (merge_exclude_columns or []) | map('lower') | list -%}
  {%- set out = [] -%}
  {%- for column in dest_columns if column.column | lower not in left_out -%}{%- do out.append(column.quoted) -%}{%- endfor -%}
  {%- do return(out) -%}
{% endmacro %}
{% macro duckdb__merge_join_clause(unique_key, merge_on_using_columns, incremental_predicates) -%}
  {%- set filters = incremental_predicates or [] -%}
  {%- if merge_on_using_columns %}
  USING ({{ merge_on_using_columns | join(', ') }}){% if filters %} ON ({{ filters | join(') AND (') }}){% endif %}
  {%- else -%}
    {%- set keys = [] -%}
    {%- for key in ([unique_key] if unique_key is string else unique_key or []) -%}
      {%- do keys.append('DBT_INTERNAL_SOURCE.' ~ key ~ ' = DBT_INTERNAL_DEST.' ~ key) -%}
    {%- endfor %}
  ON ({{ ((keys or ['FALSE']) + filters) | join(') AND (') }})
  {%- endif -%}
{%- endmacro %}
{% macro validate_merge_config(config, target_relation=none) %}
  {%- set wrong = [] -%}
  {%- set texts = ['merge_update_condition', 'merge_insert_condition'] -%}
  {%- set lists = ['merge_on_using_columns', 'merge_update_columns', 'merge_exclude_columns', 'merge_returning_columns'] -%}
  {%- for name in texts if config.get(name) is not none and config.get(name) is not string -%}
    {%- do wrong.append(name ~ ' must be a string, found: ' ~ config.get(name)) -%}
  {%- endfor -%}
  {%- for name in lists if config.get(name) is not none -%}
    {%- if config.get(name) is string or config.get(name) is mapping or config.get(name) is not sequence -%}{%- do wrong.append(name ~ ' must be a list') -%}
    {%- else -%}
      {%- for item in config.get(name) if item is not string -%}{%- do wrong.append(name ~ ' must contain only string values, found: ' ~ item) -%}{%- endfor -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set expressions = config.get('merge_update_set_expressions') -%}
  {%- if expressions is not none and expressions is not mapping -%}
    {%- do wrong.append('merge_update_set_expressions must be a dictionary, found: ' ~ expressions) -%}
  {%- endif -%}
  {%- set clauses = config.get('merge_clauses') -%}
  {%- if clauses is not none -%}
    {%- if clauses is not mapping -%}{%- do wrong.append('merge_clauses must be a dictionary, found: ' ~ clauses) -%}
    {%- elif 'when_matched' not in clauses and 'when_not_matched' not in clauses -%}
      {%- do wrong.append("merge_clauses must contain at least one of 'when_matched' or 'when_not_matched' keys") -%}
    {%- else -%}
      {%- for name in ['when_matched', 'when_not_matched'] if name in clauses -%}
        {%- if clauses[name] is string or clauses[name] is mapping or clauses[name] is not sequence -%}{%- do wrong.append('merge_clauses.' ~ name ~ ' must be a list') -%}
        {%- elif not clauses[name] -%}{%- do wrong.append('merge_clauses.' ~ name ~ ' must contain at least one element') -%}
        {%- else -%}
          {%- for clause in clauses[name] if clause is not mapping -%}{%- do wrong.append('merge_clauses.' ~ name ~ ' elements must be dictionaries, found: ' ~ clause) -%}{%- endfor -%}
        {%- endif -%}
      {%- endfor -%}
      {%- set unused = [] -%}
      {%- for name in texts + ['merge_update_columns', 'merge_exclude_columns', 'merge_update_set_expressions'] if config.get(name) -%}
        {%- do unused.append(name) -%}
      {%- endfor -%}
      {%- if unused -%}
        {%- do wrong.append('When merge_clauses is specified, the following basic merge configurations will be ignored and should be removed: '
                            ~ unused | join(', ') ~ '. Define your merge behavior within merge_clauses instead.') -%}
      {%- endif -%}
    {%- endif -%}
  {%- endif -%}
  {%- if wrong -%}{%- do exceptions.raise_compiler_error('MERGE configuration errors:\n' ~ wrong | join('\n')) -%}{%- endif -%}
{% endmacro %}
{% macro lakefm_merge_condition(clause) %}
  {%- set condition = clause.get('condition') -%}
  {%- if condition %} AND {{ condition if condition is string else '(' ~ condition | join(') AND (') ~ ')' }}{%- endif -%}
{% endmacro %}
{% macro lakefm_merge_other(clause) %}
  {%- if clause.get('action') == 'delete' %} DELETE
  {%- elif clause.get('action') == 'do_nothing' %} DO NOTHING
  {%- elif clause.get('action') == 'error' %} ERROR{% if clause.get('error_message') %} '{{ clause.get('error_message') | replace("'", "''") }}'{% endif %}
  {%- endif -%}
{% endmacro %}
{% macro lakefm_merge_update(clause, dest_columns) %}
  {%- set mode = clause.get('mode') -%}
  {%- if mode == 'by_name' %} UPDATE BY NAME
  {%- elif mode == 'by_position' %} UPDATE BY POSITION
  {%- elif mode == 'star' %} UPDATE SET *
  {%- elif mode == 'explicit' -%}
    {%- set given = clause.get('update', {}) -%}
    {%- set parts = [] -%}
    {%- for column, expression in given.get('set_expressions', {}).items() -%}{%- do parts.append(column ~ ' = ' ~ expression) -%}{%- endfor -%}
    {%- for column in get_merge_update_columns(given.get('include', []), given.get('exclude', []), dest_columns) -%}
      {%- if column.replace('"', '').replace("'", '') not in given.get('set_expressions', {}) -%}
        {%- do parts.append(column ~ ' = DBT_INTERNAL_SOURCE.' ~ column) -%}
      {%- endif -%}
    {%- endfor %} UPDATE SET {{ parts | join(', ') }}
  {%- endif -%}
{% endmacro %}
{% macro lakefm_merge_insert(clause) %}
  {%- set mode = clause.get('mode') -%}
  {%- if mode == 'by_name' %} INSERT BY NAME
  {%- elif mode == 'by_position' %} INSERT BY POSITION
  {%- elif mode == 'star' %} INSERT *
  {%- elif mode == 'explicit' -%}
    {%- set given = clause.get('insert', {}) %} INSERT ({{ given.get('columns', []) | join(', ') }}) VALUES ({{ given.get('values', []) | join(', ') }})
  {%- endif -%}
{% endmacro %}
{% macro duckdb__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
  {%- do validate_merge_config(config, target) -%}
  {%- set include = config.get('merge_update_columns', []) -%}
  {%- set exclude = config.get('merge_exclude_columns', []) -%}
  {%- set expressions = config.get('merge_update_set_expressions', {}) -%}
  {%- set update = {'action': 'update', 'condition': config.get('merge_update_condition', none), 'mode': 'explicit' if include or exclude or expressions else 'by_name',
                    'update': {'include': include, 'exclude': exclude, 'set_expressions': expressions}} -%}
  {%- set insert = {'action': 'insert', 'condition': config.get('merge_insert_condition', none), 'mode': 'by_name'} -%}
  {%- set clauses = config.get('merge_clauses', {}) -%}
  {%- set returning = config.get('merge_returning_columns', []) -%}
  {%- set header = config.get('sql_header', none) -%}
  {{ header if header is not none }}
  MERGE INTO {{ target }} AS DBT_INTERNAL_DEST
  USING {{ source }} AS DBT_INTERNAL_SOURCE
  {{- duckdb__merge_join_clause(unique_key, config.get('merge_on_using_columns', []), normalize_incremental_predicates(incremental_predicates)) }}
  {%- for clause in clauses.get('when_matched', [update]) %}
  WHEN MATCHED{{ lakefm_merge_condition(clause) }} THEN
    {{- lakefm_merge_update(clause, dest_columns) if clause.get('action') == 'update' else lakefm_merge_other(clause) }}
  {%- endfor %}
  {%- for clause in clauses.get('when_not_matched', [insert]) %}
  WHEN NOT MATCHED{{ ' BY ' ~ clause.get('by') | upper if clause.get('by') }}{{ lakefm_merge_condition(clause) }} THEN
    {%- if clause.get('action') == 'insert' -%}{{ lakefm_merge_insert(clause) }}
    {%- elif clause.get('action') == 'update' %} UPDATE SET {% for column, expression in clause.get('set_expressions', {}).items() -%}
      {{ column }} = {{ expression }}{{ ', ' if not loop.last }}{%- endfor -%}
    {%- else -%}{{ lakefm_merge_other(clause) }}{%- endif -%}
  {%- endfor %}
  {%- if returning %}
  RETURNING {{ returning if returning is string else returning | join(', ') }}
  {%- endif %}
{%- endmacro %}
{% macro duckdb__get_incremental_merge_sql(arg_dict) %}
  {%- do return(duckdb__get_merge_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'], arg_dict['dest_columns'],
                                      normalize_incremental_predicates(arg_dict.get('incremental_predicates')))) -%}
{% endmacro %}

{% materialization incremental, adapter="duckdb", supported_languages=['sql', 'python'] -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set intermediate = make_intermediate_relation(target_relation) -%}
  {%- set backup = make_backup_relation(target_relation, 'table' if existing is none else existing.type) -%}
  {%- set full_refresh = should_full_refresh() or existing.is_view -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
  {%- set language = model['language'] -%}
  {%- set leftover = load_cached_relation(intermediate) -%}
  {%- set old_backup = load_cached_relation(backup) -%}
  {%- do drop_relation_if_exists(leftover) -%}
  {%- do drop_relation_if_exists(old_backup) -%}
  {%- set scratch = make_temp_relation(target_relation) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=false) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=true) -%}
  {%- set ns = namespace(swap=false, dropped=[]) -%}
  {%- if existing is none -%}
    {%- set build_sql = create_table_as(false, target_relation, compiled_code, language) -%}
  {%- elif full_refresh and existing.is_table and 'foreign_key' in lakefm_key_types(existing) -%}
    {%- do adapter.ensure_transaction() -%}
    {%- set ns.dropped = drop_foreign_key_dependents(existing) -%}
    {%- do adapter.drop_relation(existing) -%}
    {%- set build_sql = create_table_as(false, target_relation, compiled_code, language) -%}
  {%- elif full_refresh -%}
    {%- set build_sql = create_table_as(false, intermediate, compiled_code, language) -%}
    {%- set ns.swap = true -%}
  {%- else -%}
    {%- do run_query(create_table_as(true, scratch, compiled_code, language)) -%}
    {%- do adapter.expand_target_column_types(from_relation=scratch, to_relation=target_relation) -%}
    {%- set columns = process_schema_changes(on_schema_change, scratch, existing) or adapter.get_columns_in_relation(existing) -%}
    {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') -%}
    {%- set build_sql = strategy({'target_relation': target_relation, 'temp_relation': scratch, 'unique_key': config.get('unique_key'), 'dest_columns': columns,
                                  'incremental_predicates': config.get('predicates', none) or config.get('incremental_predicates', none)}) -%}
  {%- endif -%}
  {%- call statement('main', language=language) -%}{{ build_sql }}{%- endcall -%}
  {%- if ns.swap -%}
    {%- do drop_indexes_on_relation(target_relation) -%}
    {%- if existing.is_table -%}
      {%- set keys = lakefm_key_types(existing) -%}
      {%- if 'primary_key' in keys or 'unique' in keys -%}{%- set ns.dropped = drop_foreign_key_dependents(target_relation) -%}{%- endif -%}
    {%- endif -%}
    {%- do lakefm_swap_in(intermediate, target_relation, existing, backup) -%}
  {%- endif -%}
  {%- do restore_foreign_key_dependents(ns.dropped) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh)) -%}
  {%- if existing is none or existing.is_view or should_full_refresh() -%}{%- do create_indexes(target_relation) -%}{%- endif -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do run_hooks(post_hooks, inside_transaction=true) -%}
  {%- do adapter.commit() -%}
  {%- if ns.swap -%}
    {%- do drop_indexes_on_relation(backup) -%}
    {%- do adapter.drop_relation(backup) -%}
  {%- endif -%}
  {%- do run_hooks(post_hooks, inside_transaction=false) -%}
  {%- do return({'relations': [target_relation]}) -%}
{%- endmaterialization %}
