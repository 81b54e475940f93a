select "n"
from (select * from "dev"."main_marts"."b" where id<2) dbt_subquery
where "n" is null
