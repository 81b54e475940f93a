{% macro pivot(column, values, alias=True, agg='sum', cmp='=', prefix='', suffix='', then_value=1, else_value=0, quote_identifiers=True, distinct=False) %}
  {% for value in values %}
    {{ agg }}(
      {% if distinct %} distinct {% endif %}
      case
      when {{ column }} {{ cmp }} '{{ dbt.escape_single_quotes(value) }}'
        then {{ then_value }}
      else {{ else_value }}
      end
    )
    {% if alias %}
      {% if quote_identifiers %}
            as {{ adapter.quote(prefix ~ value ~ suffix) }}
      {% else %}
        as {{ prefix ~ (value | replace(' ', '_') | lower) ~ suffix }}
      {% endif %}
    {% endif %}
    {% if not loop.last %},{% endif %}
  {% endfor %}
{% endmacro %}
{% macro unpivot(relation=none, cast_to='varchar', exclude=none, remove=none, field_name='field_name', value_name='value') -%}
  {% if not relation %}{{ exceptions.raise_compiler_error("Error: argument `relation` is required for `unpivot` macro.") }}{% endif %}
  {%- set exclude = exclude if exclude is not none else [] %}
  {%- set remove = remove if remove is not none else [] %}
  {%- set include_cols = [] %}
  {%- set table_columns = {} %}
  {%- do table_columns.update({relation: []}) %}
  {%- set cols = adapter.get_columns_in_relation(relation) %}
  {%- for col in cols -%}
    {%- if col.column.lower() not in remove|map('lower') and col.column.lower() not in exclude|map('lower') -%}
      {% do include_cols.append(col) %}
    {%- endif %}
  {%- endfor %}
  {%- for col in include_cols -%}
    select
      {%- for exclude_col in exclude %}
        {{ adapter.quote(exclude_col) }},
      {%- endfor %}
      cast('{{ col.column }}' as {{ dbt.type_string() }}) as {{ adapter.quote(field_name) }},
      cast({% if col.data_type == 'boolean' %}{{ dbt.cast_bool_to_text(col.column) }}{% else %}{{ adapter.quote(col.column) }}{% endif %} as {{ cast_to }}) as {{ adapter.quote(value_name) }}
    from {{ relation }}
    {% if not loop.last -%}
      union all
    {% endif -%}
  {%- endfor -%}
{%- endmacro %}
{%- macro union_relations(relations, column_override=none, include=[], exclude=[], source_column_name='_source', where=none) -%}
  {%- if exclude and include -%}{{ exceptions.raise_compiler_error("Both an exclude and include list were provided to the `union` macro. Only one is allowed") }}{%- endif -%}
  {%- if not execute %}{{ return('') }}{% endif -%}
  {%- set column_override = column_override if column_override is not none else {} -%}
  {%- set relation_columns = {} -%}
  {%- set column_superset = {} -%}
  {%- set all_excludes = [] -%}
  {%- set all_includes = [] -%}
  {%- if exclude -%}{%- for e in exclude -%}{%- do all_excludes.append(e | lower) -%}{%- endfor -%}{%- endif -%}
  {%- if include -%}{%- for i in include -%}{%- do all_includes.append(i | lower) -%}{%- endfor -%}{%- endif -%}
  {%- for relation in relations -%}
    {%- do relation_columns.update({relation: []}) -%}
    {%- do toolbox.is_relation(relation, 'union_relations') -%}
    {%- set cols = adapter.get_columns_in_relation(relation) -%}
    {%- for col in cols -%}
      {%- if exclude and col.column | lower in all_excludes -%}
      {%- elif include and col.column | lower not in all_includes -%}
      {%- else -%}
        {%- do relation_columns[relation].append(col.column) -%}
        {%- if col.column in column_superset -%}
          {%- set stored = column_superset[col.column] -%}
          {%- if col.is_string() and stored.is_string() and col.string_size() > stored.string_size() -%}{%- do column_superset.update({col.column: col}) -%}{%- endif %}
        {%- else -%}{%- do column_superset.update({col.column: col}) -%}{%- endif -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- set ordered_column_names = column_superset.keys() -%}
  {%- set dbt_command = flags.WHICH -%}
  {% if dbt_command in ['run', 'build'] %}
  {% if (include | length > 0 or exclude | length > 0) and not column_superset.keys() %}
    {{ exceptions.raise_compiler_error("There were no columns found to union for relations " ~ relations | map(attribute='include') | list) }}
  {%- endif -%}
  {%- endif -%}
  {%- for relation in relations %}
    (
      select
        {% if source_column_name is not none %}
        cast({{ dbt.string_literal(relation) }} as {{ dbt.type_string() }}) as {{ source_column_name }},
        {% endif %}
        {% for col_name in ordered_column_names -%}
          {%- set col = column_superset[col_name] %}
          {%- set col_type = column_override.get(col.column, col.data_type) %}
          {%- set col_name = adapter.quote(col_name) if col_name in relation_columns[relation] else 'null' %}
          cast({{ col_name }} as {{ col_type }}) as {{ col.quoted }} {% if not loop.last %},{% endif -%}
        {%- endfor %}
      from {{ relation }}
      {% if where -%}where {{ where }}{%- endif %}
    )
    {% if not loop.last -%}union all{% endif -%}
  {%- endfor -%}
{%- endmacro -%}
{% macro deduplicate(relation, partition_by, order_by) %}
    select * from (select *, row_number() over (partition by {{ partition_by }} order by {{ order_by }}) as rn from {{ relation }}) where rn = 1
{% endmacro %}
{% macro group_by(n) %}
  group by {% for i in range(1, n + 1) -%}{{ i }}{{ ',' if not loop.last }}{%- endfor %}
{%- endmacro %}
{% macro width_bucket(expr, min_value, max_value, num_buckets) %}
  {% set bin_size -%}(( {{ max_value }} - {{ min_value }} ) / {{ num_buckets }} ){%- endset %}
  (case when mod({{ dbt.safe_cast(expr, dbt.type_numeric()) }}, {{ dbt.safe_cast(bin_size, dbt.type_numeric()) }}) = 0 then 0 else 1 end)
  + least(greatest(floor(({{ expr }} - {{ min_value }}) / {{ bin_size }}), 0), {{ num_buckets }})
{% endmacro %}
{% macro safe_add(field_list) %}
  {%- if field_list is not iterable or field_list is string or field_list is mapping -%}{%- do exceptions.raise_compiler_error('safe_add takes a list, got ' ~ field_list) -%}{%- endif -%}
  {% set fields = [] %}{%- for field in field_list -%}{% do fields.append("coalesce(" ~ field ~ ", 0)") %}{%- endfor -%}{{ fields|join(' +\n  ') }}
{% endmacro %}
{% macro slugify(string) %}
  {% if not string %}{{ return('') }}{% endif %}
  {% set string = string | lower %}
  {% set string = modules.re.sub('[ -]+', '_', string) %}
  {% set string = modules.re.sub('[^a-z0-9_]+', '', string) %}
  {% set string = modules.re.sub('^[0-9]', '_' + string[0], string) %}
  {{ return(string) }}
{% endmacro %}
{%- macro url_parameter(field, url_parameter) -%}
{%- set formatted_url_parameter = "'" + url_parameter + "='" -%}
{%- set split = dbt.split_part(dbt.split_part(field, formatted_url_parameter, 2), "'&'", 1) -%}
nullif({{ split }},'')
{%- endmacro -%}
