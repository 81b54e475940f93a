select id, val , grp, 'new' as extra  from "dev"."main"."src"
