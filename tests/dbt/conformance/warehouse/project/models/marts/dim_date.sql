{{ config(materialized='table') }} {{ toolbox.date_dimension(var('start_date'), '2024-01-15') }}
