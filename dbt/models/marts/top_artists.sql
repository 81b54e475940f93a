{{ config(location=gold_file('top_artists')) }}
with artists as (
    select
        artist,
        cast(sum(play_count) as bigint) as play_count,
        count(distinct song) as song_count
    from {{ ref('int_song_plays') }}
    where artist is not null
    group by artist
)

select
    cast(row_number() over (order by play_count desc, artist asc) as bigint) as position,
    artist,
    play_count,
    song_count
from artists
order by position
