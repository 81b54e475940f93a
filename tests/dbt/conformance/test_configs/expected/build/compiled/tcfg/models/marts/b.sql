select id, n, kind from "dev"."main"."a"
