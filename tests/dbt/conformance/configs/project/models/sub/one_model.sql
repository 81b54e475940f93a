select l.a from {{ ref('deepm') }}, {{ ref('ver', v=1) }}, {{ ref('ver') }} l, {{ ref('ver', version=3) }}, {{ ref('conf', 'ver', v='2') }} m
