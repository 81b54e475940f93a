-- depends_on: {{ ref('base') }} {{ ref('vars_') }}
{% if execute %}
{% set cols = adapter.get_columns_in_relation(ref('base')) %}
{% set rel = adapter.get_relation(database=target.database, schema=target.schema, identifier='base') %}
{% set norel = adapter.get_relation(target.database, target.schema, 'nothing') %}
{% set made = api.Relation.create(database='db', schema='s', identifier='t') %}
{% set made2 = api.Relation.create(schema='s', identifier='t', type='view') %}
{% set col = api.Column('c1', 'varchar', 20) %}
{% do adapter.create_schema(api.Relation.create(database=target.database, schema='made_schema')) %}
{% do run_query("create or replace table made_schema.t1 as select 1 as a, 'x' as b") %}
{% set t1 = api.Relation.create(database=target.database, schema='made_schema', identifier='t1', type='table') %}
{% set t2 = api.Relation.create(database=target.database, schema='made_schema', identifier='t2', type='table') %}
{% do adapter.rename_relation(t1, t2) %}
{% set after = list_relations_without_caching(api.Relation.create(database=target.database, schema='made_schema')) %}
{{ rows({'names': cols | map(attribute='name') | list, 'types': cols | map(attribute='data_type') | list, 'dtypes': cols | map(attribute='dtype') | list, 'quoted': cols | map(attribute='quoted') | list, 'isnum': cols[2].is_numeric(), 'isstr': cols[1].is_string(), 'isint': cols[0].is_integer(), 'num': cols[2].numeric_precision ~ '/' ~ cols[2].numeric_scale, 'isfl': cols[7].is_float(), 'chs': cols[1].char_size, 'col': cols[0].column ~ cols[0].column, 
'rel': rel, 'reltype': rel.type, 'istab': rel.is_table ~ rel.is_view, 'norel': norel is none, 'made': made, 'made2': made2, 'isv': made2.is_view, 'col2': col.name ~ col.data_type ~ col.char_size, 'strtype': api.Column.string_type(5), 'numtype': api.Column.numeric_type('decimal', 5, 2), 'translate': api.Column.translate_type('TEXT'),  'quote': adapter.quote('a b'), 'after': after.columns['name'].values(), 'exists': adapter.check_schema_exists(target.database, 'made_schema'), 'exists2': adapter.check_schema_exists(target.database, 'zzz'), 'load': load_relation(ref('base')), 'load2': load_cached_relation(ref('base')), 'missing': adapter.get_missing_columns(ref('base'), ref('vars_')) | map(attribute='name') | list, 'incl': made.include(schema=false), 'inc2': made.incorporate(path={'identifier': 'zz'}), 'rep': made.replace_path(identifier='yy'), 'inc3': made.incorporate(type='table').type, 'wd': made.without_identifier(), 'ris': ref('base').render(), 'rid': ref('base').identifier ~ ref('base').schema, 'matches': made.matches(database='db', schema='s', identifier='t'), 'info': made.information_schema(), 'infos': made.information_schema('columns'), 'inview': made.include(database=false).include(schema=false) | string, 'is_cte': made.is_cte, 'cte': ref('base').database, 'dbquote': made.quote(database=false, schema=false), 'pol': made.quote_policy.database ~ made.include_policy.schema, 'reld': rel.is_dynamic_table, 'canrep': rel.can_be_replaced, 'sch': made.type is none, 'eq': rel == ref('base'), 'types2': adapter.get_column_schema_from_query is defined, 'seed': adapter.convert_type is defined, 'gcsql': get_columns_in_query('select 1 as a, 2 as b'), 'valid': adapter.valid_snapshot_target is defined, 'disp': adapter.dispatch('date_trunc', 'dbt')('day', 'x') }) }}
{% do adapter.drop_relation(t2) %}
{% do adapter.drop_schema(api.Relation.create(database=target.database, schema='made_schema')) %}
{% else %}select 1{% endif %}
