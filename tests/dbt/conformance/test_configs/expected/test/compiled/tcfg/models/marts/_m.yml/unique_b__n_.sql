select
    "n" as unique_field,
    count(*) as n_records

from "dev"."main_marts"."b"
where "n" is not null
group by "n"
having count(*) > 1
