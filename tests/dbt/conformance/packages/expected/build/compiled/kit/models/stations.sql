select 1 as id, round(3.14159, 3) as v, '3' as r, 'from_kit' as kd, 'k' as ko, 'pkgs default' as sh, 'root_key(a+b)' as k, 'kit kit' as w, 'pkgs kit' as p
