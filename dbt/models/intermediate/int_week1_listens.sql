-- Listens of a user's first week, one row each, with the registration that made them first-week listens.
--
-- dim_user may later show another registration for a user (the latest event decides). Then the user's whole history is
-- read again under the new one and appended; the mart takes the rows whose registration is today's. So every run also
-- leaves a row per user whose registration (or lack of one) it had not seen (sessionId is null), to know what has been
-- read under which.
with
{% if is_incremental() %}
seen_until as (
    select coalesce(max(batch), -1) as batch from {{ this }}
),

known as (
    select userId, registration from {{ this }} where sessionId is null
),

changed as (
    select u.userId, u.registration
    from {{ ref('dim_user') }} as u
    where u.registration is not null
    and exists (select 1 from known as k where k.userId = u.userId)
    and not exists (select 1 from known as k where k.userId = u.userId and k.registration = u.registration)
),
{% endif %}

newest as (
    select coalesce(max(batch), -1) as batch from {{ ref('fact_listen_events') }}
    {%- if is_incremental() %} where batch > (select batch from seen_until) {%- endif %}
),

candidates as (
    select l.batch, l.userId, u.registration, l.sessionId, l.itemInSession, l.ts, l.song, l.artist
    from {{ ref('fact_listen_events') }} as l
    inner join {{ ref('dim_user') }} as u on u.userId = l.userId
    where l.ts >= u.registration
    and l.ts < u.registration + 604800000
    {%- if is_incremental() %}
    and l.batch > (select batch from seen_until)
    union all
    select l.batch, l.userId, c.registration, l.sessionId, l.itemInSession, l.ts, l.song, l.artist
    from {{ ref('fact_listen_events') }} as l
    inner join changed as c on c.userId = l.userId
    where l.ts >= c.registration
    and l.ts < c.registration + 604800000
    and l.batch <= (select batch from seen_until)
    {%- endif %}
)

select
    batch,
    userId,
    registration,
    sessionId,
    cast(itemInSession as bigint) as itemInSession,
    ts,
    song,
    artist
from candidates
union all
select
    n.batch,
    u.userId,
    u.registration,
    cast(null as bigint) as sessionId,
    cast(null as bigint) as itemInSession,
    cast(null as bigint) as ts,
    cast(null as {{ dbt.type_string() }}) as song,
    cast(null as {{ dbt.type_string() }}) as artist
from {{ ref('dim_user') }} as u
cross join newest as n
{%- if is_incremental() %}
where not exists (
    select 1 from known as k where k.userId = u.userId and k.registration is not distinct from u.registration
)
{%- endif %}
