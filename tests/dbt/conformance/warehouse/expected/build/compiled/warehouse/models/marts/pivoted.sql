select customer_id,

  
    sum(
      
      case
      when method = 'card'
        then 1
      else 0
      end
    )
    
      
            as "n_card"
      
    
    ,
  
    sum(
      
      case
      when method = 'cash'
        then 1
      else 0
      end
    )
    
      
            as "n_cash"
      
    
    ,
  
    sum(
      
      case
      when method = 'voucher'
        then 1
      else 0
      end
    )
    
      
            as "n_voucher"
      
    
    
  
,

  
    max(
      
      case
      when method = 'card'
        then amount
      else null
      end
    )
    
      
        as card_paid
      
    
    ,
  
    max(
      
      case
      when method = 'cash'
        then amount
      else null
      end
    )
    
      
        as cash_paid
      
    
    ,
  
    max(
      
      case
      when method = 'voucher'
        then amount
      else null
      end
    )
    
      
        as voucher_paid
      
    
    
  
,
sum(case when method = 'card' then amount end) as card_amount,sum(case when method = 'cash' then amount end) as cash_amount,sum(case when method = 'voucher' then amount end) as voucher_amount,
coalesce(sum(amount), 0) +
  coalesce(count(*), 0)
 as total
from "dev"."main_staging"."stg_orders" 
  group by 1
