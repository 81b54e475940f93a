select id as id from "dev"."main_marts"."b" where id >= 1
