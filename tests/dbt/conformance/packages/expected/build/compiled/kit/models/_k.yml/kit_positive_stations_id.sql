select * from "dev"."kit_bad"."stations" where id <= 0
