select *, True as inc from "dev"."main"."src"
