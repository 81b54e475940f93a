select
    ts,
    event_time,
    userId,
    sessionId,
    itemInSession,
    success,
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
from {{ source('silver', 'fact_auth_events') }}
