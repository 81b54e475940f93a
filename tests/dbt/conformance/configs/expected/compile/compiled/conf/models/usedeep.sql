with  __dbt__cte__deepm as (
 select z from "dev"."main"."zseed"
),  __dbt__cte__deeper as (
select z as zz from __dbt__cte__deepm
), q as (select * from __dbt__cte__deeper) select q.zz, d.z from q, __dbt__cte__deepm d
