with meet_condition as (select * from "dev"."main_staging"."stg_orders"),
validation_errors as (
  select * from meet_condition where 1 = 2
  or not id > 0
)
select * from validation_errors
