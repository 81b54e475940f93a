with all_values as (

    select
        kind as value_field,
        count(*) as n_records

    from "dev"."main_raw"."nums"
    group by kind

)

select *
from all_values
where value_field not in (
    'a','b'
)
