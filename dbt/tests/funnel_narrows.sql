select a.step from {{ ref('upgrade_funnel') }} as a
inner join {{ ref('upgrade_funnel') }} as b on b.step = a.step + 1
where b.session_count > a.session_count or b.user_count > a.user_count
