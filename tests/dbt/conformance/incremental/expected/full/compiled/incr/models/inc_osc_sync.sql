select id, val , ts  from "dev"."main"."src"
