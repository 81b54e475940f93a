select * from "dev"."main"."base"
