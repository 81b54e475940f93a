select * from "dev"."main"."src"
