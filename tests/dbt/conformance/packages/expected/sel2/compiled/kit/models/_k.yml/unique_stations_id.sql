select
    id as unique_field,
    count(*) as n_records

from "dev"."kit_bad"."stations"
where id is not null
group by id
having count(*) > 1
