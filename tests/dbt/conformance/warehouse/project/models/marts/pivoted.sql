{%- set methods = toolbox.column_values(ref('stg_orders'), 'method', order_by='min(id)') -%}
select customer_id,
{{ toolbox.pivot('method', methods, prefix='n_') }},
{{ toolbox.pivot('method', var('payment_methods'), agg='max', then_value='amount', else_value='null', suffix='_paid', quote_identifiers=False) }},
{% for m in methods -%}
sum(case when method = '{{ m }}' then amount end) as {{ m }}_amount,
{%- endfor %}
{{ toolbox.safe_add(['sum(amount)', 'count(*)']) }} as total
from {{ ref('stg_orders') }} {{ toolbox.group_by(n=1) }}
