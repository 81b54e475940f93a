-- A known mistake: `count(userId)` in place of `count(distinct userId)`. No level has more users than there are users.
select c.level, c.user_count
from {{ ref('free_vs_paid_users_comparison') }} as c
where c.user_count > (select count(*) from {{ ref('dim_user') }})
or c.user_count > c.listen_count
