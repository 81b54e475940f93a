select z, n from "dev"."main".zseed
