{{ config(alias='aa') }}
select s.*, '{{ var("rounding") }}' as rr, {{ kit.money('2.71828') }} as m, '{{ kit.shade() }}' as sh2, '{{ who() }} {{ kit.who() }} {{ kit.call_who() }}' as ww from {{ ref('stations') }} s join {{ ref('kit', 'stations') }} t using (id)
