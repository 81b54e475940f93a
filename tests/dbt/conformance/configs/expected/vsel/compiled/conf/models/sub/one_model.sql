with __dbt__cte__deepm as (
 select z from "dev"."main"."zseed"
) select l.a from __dbt__cte__deepm, "dev"."main".ver_one, "dev"."main".ver_v2 l, "dev"."main".ver_v3, "dev"."main".ver_v2 m
