select
    ts,
    event_time,
    userId,
    sessionId,
    itemInSession,
    auth,
    level,
    zip,
    city,
    state,
    userAgent,
    year,
    month,
    day,
    hour,
    batch
from {{ source('silver', 'fact_status_change_events') }}
