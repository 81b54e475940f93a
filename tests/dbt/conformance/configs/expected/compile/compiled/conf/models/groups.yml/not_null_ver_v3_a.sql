select a
from "dev"."main".ver_v3
where a is null
