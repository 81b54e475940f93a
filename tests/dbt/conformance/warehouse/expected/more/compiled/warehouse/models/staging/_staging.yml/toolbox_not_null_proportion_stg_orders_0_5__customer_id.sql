with summary as (select sum(case when customer_id is null then 0 else 1 end) / cast(count(*) as numeric(28,6)) as not_null_proportion from "dev"."main_staging"."stg_orders")
select * from summary where not_null_proportion < 0.5 or not_null_proportion > 1
