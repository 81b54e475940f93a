select id, val , grp  from "dev"."main"."src"
