select * from "dev"."main_pkgs"."aa_al" where id <= 0
