{{ config(location=gold_file('top_songs_by_play_count')) }}
with songs as (
    select
        song,
        artist,
        cast(sum(play_count) as bigint) as play_count
    from {{ ref('int_song_plays') }}
    group by song, artist
)

select
    cast(row_number() over (order by play_count desc, song asc nulls first, artist asc nulls first) as bigint) as position,
    song,
    artist,
    play_count
from songs
order by position
