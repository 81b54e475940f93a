select id
from "dev"."main"."orders"
where id is null
