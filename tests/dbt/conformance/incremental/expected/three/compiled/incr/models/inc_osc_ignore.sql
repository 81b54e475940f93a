select id, val , 'z' as extra  , ts from "dev"."main"."src"
