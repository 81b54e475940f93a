{{ config(materialized='ephemeral') }}
{{ toolbox.deduplicate(ref('orders_old'), 'method', 'id desc') }}
