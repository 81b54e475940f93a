select
        "id",
      cast('customer_id' as TEXT) as "k",
      cast("customer_id" as varchar) as "v"
    from "dev"."main"."orders"
    union all
    select
        "id",
      cast('amount' as TEXT) as "k",
      cast("amount" as varchar) as "v"
    from "dev"."main"."orders"
    union all
    select
        "id",
      cast('method' as TEXT) as "k",
      cast("method" as varchar) as "v"
    from "dev"."main"."orders"
    union all
    select
        "id",
      cast('status' as TEXT) as "k",
      cast("status" as varchar) as "v"
    from "dev"."main"."orders"
