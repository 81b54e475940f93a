-- Every song's days add up to its plays of all time; no song and no play is lost on the way.
with days as (
    select position, sum(play_count) as play_count from {{ ref('listening_songs') }} group by position
)

select songs.position
from {{ ref('top_songs_by_play_count') }} as songs
left join days on songs.position = days.position
where days.play_count is null or days.play_count <> songs.play_count
