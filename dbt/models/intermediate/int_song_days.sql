-- Plays by batch, UTC day and (song, artist), split by level; listeners that are not logged in included.
select
    batch,
    {{ day_number('ts') }} as day_number,
    song,
    artist,
    count(*) as play_count,
    count(case when level = 'free' then 1 end) as free_count,
    count(case when level = 'paid' then 1 end) as paid_count
from {{ ref('fact_listen_events') }}
where song is not null
{{ new_batches() }}
group by batch, {{ day_number('ts') }}, song, artist
