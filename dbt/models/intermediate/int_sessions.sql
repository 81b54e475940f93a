-- First and last page view of a session within a batch, and the first steps towards an upgrade in it.
-- The same session may go on in a later batch: marts merge by min and max.
select
    batch,
    userId,
    sessionId,
    min(ts) as first_ts,
    max(ts) as last_ts,
    count(*) as view_count,
    min(case when level = 'free' then ts end) as first_free_ts,
    min(case when level = 'free' and page = 'Upgrade' then ts end) as first_upgrade_ts,
    max(case when level = 'free' and page = 'Submit Upgrade' then ts end) as last_submit_upgrade_ts
from {{ ref('fact_page_view_events') }}
where userId is not null
{{ new_batches() }}
group by batch, userId, sessionId
