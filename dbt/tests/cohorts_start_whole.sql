-- In its own week a cohort is whole, and nobody belongs to two.
select cohort_week, cohort_size, user_count from {{ ref('retention_cohorts') }} where week_number = 0 and user_count <> cohort_size
union all
select 'all' as cohort_week, cast(sum(cohort_size) as bigint) as cohort_size, (select count(distinct userId) from {{ ref('int_active_user_days') }}) as user_count
from {{ ref('retention_cohorts') }} where week_number = 0
having cast(sum(cohort_size) as bigint) <> (select count(distinct userId) from {{ ref('int_active_user_days') }})
