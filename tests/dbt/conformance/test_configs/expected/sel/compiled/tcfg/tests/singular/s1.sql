select * from "dev"."main_marts"."b" where n > 10
