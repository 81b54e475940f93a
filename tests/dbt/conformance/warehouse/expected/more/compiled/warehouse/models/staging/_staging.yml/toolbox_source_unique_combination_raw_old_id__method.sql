with validation_errors as (select id, method from "dev"."main"."orders_old" group by id, method having count(*) > 1)
select * from validation_errors
