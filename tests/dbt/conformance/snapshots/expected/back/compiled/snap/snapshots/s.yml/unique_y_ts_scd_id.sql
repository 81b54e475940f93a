select
    scd_id as unique_field,
    count(*) as n_records

from "dev"."main_snaps"."y_ts"
where scd_id is not null
group by scd_id
having count(*) > 1
