select "who", "a" from "dev"."kit_bad"."shared"
