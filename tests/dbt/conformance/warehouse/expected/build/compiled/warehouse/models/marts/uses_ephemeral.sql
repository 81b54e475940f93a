with __dbt__cte__dedup as (


    select * from (select *, row_number() over (partition by method order by id desc) as rn from "dev"."main"."orders_old") where rn = 1

) select d.*, '__dbt__cte__dedup' as name from __dbt__cte__dedup as d
