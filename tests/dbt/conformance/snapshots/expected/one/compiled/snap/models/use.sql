select id, count(*) as versions, count(*) filter (where dbt_valid_to is null) as open from "dev"."hist"."s_check" group by 1
