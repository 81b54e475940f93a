select *, False as inc from "dev"."main"."src"
