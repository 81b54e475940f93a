select id, val  from "dev"."main"."src"
