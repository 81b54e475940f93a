select a
from "dev"."main".ver_one
where a is null
