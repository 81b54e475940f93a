-- depends_on: {{ ref('base') }}
{% set out = [] %}
{% if execute %}
{% for n in graph.nodes.values() | sort(attribute='unique_id') %}
{% do out.append(n.unique_id ~ '|' ~ n.config.materialized ~ '|' ~ n.tags ~ '|' ~ n.depends_on.nodes ~ '|' ~ n.columns.keys() | list ~ '|' ~ n.relation_name ~ '|' ~ n.meta ~ '|' ~ n.description ~ '|' ~ n.refs ~ '|' ~ n.checksum.name ~ '|' ~ n.patch_path) %}
{% endfor %}
{% for n in graph.sources.values() %}{% do out.append(n.unique_id) %}{% endfor %}
{% for n in graph.exposures.values() %}{% do out.append(n.unique_id) %}{% endfor %}
{% do out.append(graph.keys() | list | sort | join(',')) %}
{% endif %}
{% for o in out %}select {{ q(o) }} as x {{ 'union all ' if not loop.last }}{% endfor %}
{% if not out %}select 1 as x{% endif %}
