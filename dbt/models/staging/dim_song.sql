select
    song,
    artist,
    duration,
    first_seen
from {{ source('silver', 'dim_song') }}
