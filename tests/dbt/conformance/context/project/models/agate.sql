-- {{ ref('base') }}
{% set t = run_query("select * from " ~ ref('base') ~ " order by id") %}
{% set g = dbt.run_query("select 1 as a, 'x' as \"B\"") %}
{% if execute %}
{% call statement('st', fetch_result=True, auto_begin=false) %} select max(id) as m, min(ts) as t from {{ ref('base') }} {% endcall %}
{% set r = load_result('st') %}
{{ rows({'cols': t.column_names, 'names': t.columns | map(attribute='name') | list, 'n': t.rows | length, 'c0': t.columns[0].values(), 'amt': t.columns[2].values(), 'dates': t.columns['d'].values(), 'ts': t.columns['ts'].values(), 'ok': t.columns.get('ok').values(), 'nul': t.columns['nul'].values(), 'f': t.columns[7].values(), 'arr': t.columns[8].values(), 'row': t.rows[0].values(), 'rowkey': t.rows[1]['name'], 'rowdict': t.rows[0].dict(), 'rowget': t.rows[0].get('zz', 'none'), 'row0': t.rows[1][0], 'types': t.column_types | length, 'distinct': t.columns['ok'].values_distinct() | list | length, 'nonnull': t.columns['id'].values_without_nulls(), 'sel': t.select(['id']).column_names, 'excl': t.exclude(['id', 'arr']).column_names, 'where': 1, 'lim': t.limit(1).rows | length, 'ren': t.rename(['a1','b','c','d','e','f','g','h','i','j']).column_names, 'g': g.columns[1].name, 'g0': g.rows[0].values(),
 'resp': r.response, 'resp2': r['data'], 'tab': r.table.columns[0].values()[0] + 1, 'first': t.columns[0][0], 'len': t.columns | length, 'keys': t.rows[0].keys(), 'single': dbt_get_value("select 41 + 1") }) }}
union all select 'loop', '{% for row in t.rows %}{{ row.id }}/{{ row['name'] | replace("'", "") }}/{{ row.amt }};{% endfor %}'
union all select 'loop2', '{% for row in t %}{{ row[0] }}{% endfor %}'
{% else %} select 1 as k, 2 as v {% endif %}
