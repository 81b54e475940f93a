select id
from "dev"."main_raw"."nums"
where id is null
