select n
from (select * from "dev"."main_raw"."nums" where id < 3) dbt_subquery
where n is null
