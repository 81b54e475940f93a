select a
from "dev"."main".ver_v2
where a is null
