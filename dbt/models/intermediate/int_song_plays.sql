-- Plays by batch and (song, artist), listeners that are not logged in included.
select
    batch,
    song,
    artist,
    count(*) as play_count
from {{ ref('fact_listen_events') }}
where song is not null
{{ new_batches() }}
group by batch, song, artist
