{{ config(tags=['x']) }} select z from {{ source('ext', 't1') }}
