select *
from "dev"."main_marts"."b"
where id is null
