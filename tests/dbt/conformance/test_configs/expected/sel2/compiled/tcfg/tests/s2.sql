select * from "dev"."main_raw"."nums" -- trailing comment
