with a as (select id, method from "dev"."main"."orders"), b as (select id, method from "dev"."main"."orders_old"),
a_intersect_b as (select * from a 

    intersect

 select * from b),
a_except_b as (select * from a 

    except

 select * from b),
b_except_a as (select * from b 

    except

 select * from a),
all_records as (
  select *, true as in_a, true as in_b from a_intersect_b
  union all select *, true as in_a, false as in_b from a_except_b
  union all select *, false as in_a, true as in_b from b_except_a)
select * from all_records where not (in_a and in_b) order by id,  in_a desc, in_b desc
