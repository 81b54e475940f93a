with spine as (


    


    with rawdata as (

        
    select
        generate_series as generated_number
    from generate_series(1, 14)


    ),

    all_periods as (

        select (
            

    (cast('2024-01-01' as date) + cast(row_number() over (order by 1) - 1 as bigint) * interval 1 day)
        ) as date_day
        from rawdata

    ),

    filtered as (

        select *
        from all_periods
        where date_day <= cast('2024-01-15' as date)

    )

    select * from filtered

)
select strftime(date_day, '%Y-%m-%d') as pretty, date_day, date_trunc('week', date_day) as week_start,
  cast(
        

    (

    (date_trunc('month', date_day) + cast(1 as bigint) * interval 1 month) + cast(-1 as bigint) * interval 1 day)
        as date) as month_end, strftime(date_day, '%A') as day_name,
  
            (
        (date_diff('day', cast('2024-01-01' as date)::timestamp, date_day::timestamp ))
     // 7 + case
            when date_part('dow', (cast('2024-01-01' as date))::timestamp) <= date_part('dow', (date_day)::timestamp) then
                case when cast('2024-01-01' as date) <= date_day then 0 else -1 end
            else
                case when cast('2024-01-01' as date) <= date_day then 1 else 0 end
        end)
     as week_no, 

    (date_day + cast(-1 as bigint) * interval 1 day) as minus_1, 

    (date_day + cast(-7 as bigint) * interval 1 day) as minus_7
from spine
