with table_a as (select customer_id, count(*) as num_rows from "dev"."main"."pivoted" group by customer_id),
table_b as (select customer_id, count(*) as num_rows from "dev"."main_staging"."stg_orders" group by customer_id),
except_a as (select * from table_a 

    except

 select * from table_b)
select * from except_a
