select id from "dev"."main"."a" where id = 77
