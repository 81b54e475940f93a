select
    z as unique_field,
    count(*) as n_records

from "dev"."main".plain
where z is not null
group by z
having count(*) > 1
