select customer_id, count(*) as "orders", min(ordered_on) as first_order
from "dev"."main_staging"."stg_orders"
where customer_id is not null

  group by 1
