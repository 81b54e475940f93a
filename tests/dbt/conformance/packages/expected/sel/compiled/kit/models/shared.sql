select 'kit' as who, * from "dev"."kit_bad"."kitdata"
