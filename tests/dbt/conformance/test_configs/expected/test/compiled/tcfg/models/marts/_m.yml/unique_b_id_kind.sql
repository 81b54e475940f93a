select
    id || kind as unique_field,
    count(*) as n_records

from "dev"."main_marts"."b"
where id || kind is not null
group by id || kind
having count(*) > 1
