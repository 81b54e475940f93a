select id, val ::bigint as val, grp  from "dev"."main"."src"
