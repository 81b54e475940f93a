select 1 as bad from (select count(*) as c from "dev"."main_marts"."b") where c < 1
