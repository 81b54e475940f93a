{{ log('hello info', info=true) }}{% do log('quiet') %}{{ print('printed') }}
{% do exceptions.warn('careful') %}
{% if execute and false %}{{ exceptions.raise_compiler_error('no') }}{% endif %}
{% do config(meta={'x': 1}) %}{% set x = config.require('materialized') %}
{%- raw %}select '{{ raw }}' as r{% endraw %}, '{{ x }}' as x, '{{ builtins.ref("base") }}' as b, '{{ builtins.source is defined }}' as s, '{{ ref("ctx", "base").identifier }}' as p
-- {# gone #}
from {{ ref('base') }}
