select z
from "dev"."main"."zseed"
where z is null
