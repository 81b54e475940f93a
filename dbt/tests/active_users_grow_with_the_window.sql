select activity_date, dau, wau, mau
from {{ ref('daily_active_users') }}
where dau > wau or wau > mau or dau < 1
