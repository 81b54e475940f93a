select 
  o."id" as "o_id",
  o."customer_id" as "o_customer_id",
  o."amount" as "o_amount",
  o."method" as "o_method",
  o."ordered_on" as "o_ordered_on", e.kind from "dev"."main_staging"."stg_orders" o left join "dev"."main_staging"."stg_events" e on e.user_id = o.customer_id and 
        (date_diff('hour', o.ordered_on::timestamp, e.happened_at::timestamp ))
     < 48
