{{ config(location=gold_file('listening_songs')) }}
-- Plays of a song by UTC date: for top songs and artists of a range of dates. A song is named by its position in
-- top_songs_by_play_count of the same build: a small whole number, so that adding up is quick, here and on the page.
-- Partials of a day that came in one batch are whole; only the other days are added up.
with shared as (
    select day_number
    from {{ ref('int_song_days') }}
    group by day_number
    having min(batch) <> max(batch)
),

plays as (
    select
        partials.day_number,
        partials.song,
        partials.artist,
        partials.play_count,
        partials.free_count,
        partials.paid_count
    from {{ ref('int_song_days') }} as partials
    where not exists (select 1 from shared where shared.day_number = partials.day_number)
    union all
    select
        partials.day_number,
        partials.song,
        partials.artist,
        cast(sum(partials.play_count) as bigint) as play_count,
        cast(sum(partials.free_count) as bigint) as free_count,
        cast(sum(partials.paid_count) as bigint) as paid_count
    from {{ ref('int_song_days') }} as partials
    where exists (select 1 from shared where shared.day_number = partials.day_number)
    group by partials.day_number, partials.song, partials.artist
),

days as (
    select
        plays.day_number,
        songs.position,
        plays.play_count,
        plays.free_count,
        plays.paid_count
    from plays
    inner join {{ ref('top_songs_by_play_count') }} as songs
        on plays.song = songs.song and (plays.artist = songs.artist or (plays.artist is null and songs.artist is null))
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
