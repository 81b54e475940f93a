select date_day
from "dev"."main"."dim_date"
where date_day is null
