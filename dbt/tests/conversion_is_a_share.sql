-- Rounded half up as a rational number: never more than half a hundredth from the true share.
select userId, free_count, paid_count, conversion_rate
from {{ ref('conversion_rates') }}
where conversion_rate is null or conversion_rate < 0 or conversion_rate > 1
or abs(100 * conversion_rate * (free_count + paid_count) - 100 * paid_count) > 0.5000001 * (free_count + paid_count)
