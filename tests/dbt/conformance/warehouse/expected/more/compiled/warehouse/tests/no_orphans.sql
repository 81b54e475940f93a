select * from "dev"."main_staging"."stg_orders" where customer_id is null
