select s.*, '1' as rr, round(2.71828, 1) as m, 'pkgs default' as sh2, 'root kit root kit' as ww from "dev"."kit_bad"."stations" s join "dev"."kit_bad"."stations" t using (id)
