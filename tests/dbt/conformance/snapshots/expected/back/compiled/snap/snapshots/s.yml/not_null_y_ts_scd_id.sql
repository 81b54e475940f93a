select scd_id
from "dev"."main_snaps"."y_ts"
where scd_id is null
