{{ config(materialized='table', tags='infile', meta={'level': 'file'}, pre_hook=['select 3 as f'], post_hook='select 4 as g') }} select z, n from {{ ref('zseed') }}
