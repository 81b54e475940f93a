with all_values as (

    select
        kind as value_field,
        count(*) as n_records

    from "dev"."main"."a"
    group by kind

)

select *
from all_values
where value_field not in (
    'a','this is a very long value indeed','another one that makes the name long','its'
)
