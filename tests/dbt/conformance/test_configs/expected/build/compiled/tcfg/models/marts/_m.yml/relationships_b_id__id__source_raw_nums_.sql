with child as (
    select id as from_field
    from (select * from "dev"."main_marts"."b" where id > 0) dbt_subquery
    where id is not null
),

parent as (
    select id as to_field
    from "dev"."main_raw"."nums"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
