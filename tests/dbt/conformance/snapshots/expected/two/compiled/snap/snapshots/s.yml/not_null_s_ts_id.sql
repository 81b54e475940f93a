select id
from "dev"."hist"."s_ts"
where id is null
