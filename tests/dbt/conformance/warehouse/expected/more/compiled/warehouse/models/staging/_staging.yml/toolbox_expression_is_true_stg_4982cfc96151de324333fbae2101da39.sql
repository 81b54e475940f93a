select
    1
from (select * from "dev"."main_staging"."stg_orders" where status <> 'open') dbt_subquery

where not(amount is null or amount > 0)
