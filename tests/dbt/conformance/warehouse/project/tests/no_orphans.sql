{{ config(severity='warn', warn_if='>1', error_if='>10', store_failures=true, alias='orphans') }}
select * from {{ ref('stg_orders') }} where customer_id is null
