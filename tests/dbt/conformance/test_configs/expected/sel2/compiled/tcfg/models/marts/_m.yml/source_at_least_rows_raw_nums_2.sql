select 1 as bad from (select count(*) as c from "dev"."main_raw"."nums") where c < 2
