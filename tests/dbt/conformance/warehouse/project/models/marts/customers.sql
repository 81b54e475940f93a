select customer_id, count(*) as "orders", min(ordered_on) as first_order
from {{ ref('stg_orders') }}
where customer_id is not null
{{ toolbox.group_by(1) }}
