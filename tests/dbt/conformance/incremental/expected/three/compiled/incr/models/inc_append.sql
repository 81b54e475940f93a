select * from "dev"."main"."src"
 where id > (select max(id) from "dev"."main"."inc_append")
