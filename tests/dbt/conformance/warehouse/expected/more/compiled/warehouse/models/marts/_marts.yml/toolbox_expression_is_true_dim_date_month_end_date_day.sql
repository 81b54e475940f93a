select
    1
from "dev"."main"."dim_date"

where not(month_end >= date_day)
