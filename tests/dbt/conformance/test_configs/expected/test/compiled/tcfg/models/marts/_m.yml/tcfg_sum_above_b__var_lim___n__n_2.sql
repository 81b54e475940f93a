select * from (select sum(n * 2) as s from "dev"."main_marts"."b") where s <= 3
