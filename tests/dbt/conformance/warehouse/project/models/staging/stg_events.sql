select *, {{ toolbox.surrogate_key(['event_id', 'user_id']) }} as event_key, {{ toolbox.default__surrogate_key(['kind']) }} as kind_key from {{ ref('events') }}
