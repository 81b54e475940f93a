select '{{ raw }}' as r, 'table' as x, '"dev"."main"."base"' as b, 'True' as s, 'base' as p
-- 
from "dev"."main"."base"
