select 1 as a from "dev"."main".zseed
