select * from "dev"."main_raw"."nums" where id < 3
