with a as (select  1 as id_equal_rowcount, count(*) as count_a from "dev"."main_staging"."stg_orders"),
b as (select  1 as id_equal_rowcount, count(*) as count_b from "dev"."main"."orders")
select count_a, count_b, abs(count_a - count_b) as diff_count from a full join b using (id_equal_rowcount)
