-- 1 a
-- 2 b

select '{"method": ["card", "cash", "voucher"], "n": [2, 2, 1]}' as q, '2024-01-07' as newest, '2024-02-27 2024-02-28 2024-02-29 2024-03-01' as days,
  '_1_berlange_name_v2' as slug, 
  
  (case when mod(
    
    cast(12.5 as numeric(28,6))
, 
    
    cast((( 20 - 0 ) / 4 ) as numeric(28,6))
) = 0 then 0 else 1 end)
  + least(greatest(floor((12.5 - 0) / (( 20 - 0 ) / 4 )), 0), 4)
 as bucket, nullif(
    string_split(
    string_split('http://x/?a=1&b=2', 'b=')[ 2 ]
, '&')[ 1 ]
,'') as b,
  'version: 2
models:
  - name: stg_orders
    columns:
      - name: id
        data_type: integer
      - name: customer_id
        data_type: integer
      - name: amount
        data_type: decimal(16,2)
      - name: method
        data_type: character varying(256)
      - name: status
        data_type: character varying(256)
      - name: ordered_on
        data_type: date' as yaml, '
with source as (
    select * from {{ source(''raw'', ''old'') }}
), renamed as (
    select
        id
        , customer_id
        , amount
        , method
        , note
    from source
)
select * from renamed
' as base,
  '{owner: @team, sla: {hours: 4}} "main"."info" 0' as me,
  'Abc {"k": null} 1.00 x-00042     ab|`c`' as formats,
  'compile' as which
