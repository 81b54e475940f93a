(
      select
        
        cast('"dev"."main"."orders"' as TEXT) as _source,
        
        
          cast("id" as INTEGER) as "id" ,
          cast("customer_id" as INTEGER) as "customer_id" ,
          cast("amount" as DECIMAL(10,2)) as "amount" ,
          cast("method" as varchar(10)) as "method" ,
          cast("ordered_on" as DATE) as "ordered_on" 
      from "dev"."main"."orders"
      where id > 0
    )
    union all
    (
      select
        
        cast('"dev"."main"."orders_old"' as TEXT) as _source,
        
        
          cast("id" as INTEGER) as "id" ,
          cast("customer_id" as INTEGER) as "customer_id" ,
          cast("amount" as DECIMAL(10,2)) as "amount" ,
          cast("method" as varchar(10)) as "method" ,
          cast(null as DATE) as "ordered_on" 
      from "dev"."main"."orders_old"
      where id > 0
    )
