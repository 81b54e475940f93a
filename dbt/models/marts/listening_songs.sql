{{ config(location=gold_file('listening_songs')) }}
-- Plays of a song by UTC date: for top songs and artists of a range of dates. A song is named by its position in
-- top_songs_by_play_count of the same build: a small whole number, so that adding up is quick, here and on the page.
with days as (
    select
        plays.day_number,
        songs.position,
        cast(sum(plays.play_count) as bigint) as play_count,
        cast(sum(plays.free_count) as bigint) as free_count,
        cast(sum(plays.paid_count) as bigint) as paid_count
    from {{ ref('int_song_days') }} as plays
    inner join {{ ref('top_songs_by_play_count') }} as songs
        on plays.song = songs.song and (plays.artist = songs.artist or (plays.artist is null and songs.artist is null))
    group by plays.day_number, songs.position
)

select
    {{ day_text('day_number') }} as listen_date,
    {{ iso_weekday('day_number') }} as weekday,
    position,
    play_count,
    free_count,
    paid_count
from days
order by day_number, position
