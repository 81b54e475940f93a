{% snapshot orders_snapshot %}
{{ config(target_schema='snapshots', unique_key='id', strategy='check', check_cols=['status', 'amount'], invalidate_hard_deletes=True) }}
select id, status, amount {% if var('more', false) %}+ 1 as amount{% endif %} from {{ source('raw', 'orders') }} {% if var('more', false) %}where id <> 2{% endif %}
{% endsnapshot %}
