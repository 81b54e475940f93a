select
    c as unique_field,
    count(*) as n_records

from "dev"."main".ver_v2
where c is not null
group by c
having count(*) > 1
