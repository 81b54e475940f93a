select kind, '[1, 2, {"a": "b"}]' as p from "dev"."main"."a" where false
