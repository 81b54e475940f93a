{% snapshot s_ts %}
{{ config(target_schema='hist', unique_key='id', strategy='timestamp', updated_at='updated_at') }}
select * from {{ ref('people') }}
{% endsnapshot %}

{% snapshot s_check %}
{{ config(target_schema='hist', unique_key='id', strategy='check', check_cols=['name', 'score']) }}
select * from {{ ref('people') }}
{% endsnapshot %}

{% snapshot s_check_all %}
    {{
        config(
          unique_key='id', strategy='check', check_cols='all', invalidate_hard_deletes=true,
        )
    }}
select id, name, score from {{ ref('people') }}
{% endsnapshot %}
{% snapshot s_key_expr %}
{{ config(unique_key="id || '-' || name", strategy='timestamp', updated_at='updated_at', hard_deletes='invalidate') }}
select * from {{ ref('people') }}
{% endsnapshot %}
