{{ config(unique_key='id', pre_hook="create table if not exists {{ target.schema }}.hooklog (w varchar, inc boolean)", post_hook=["insert into {{ target.schema }}.hooklog values ('{{ this.identifier }}', {{ is_incremental() }})", {"sql": "insert into {{ this.schema }}.hooklog values ('after', null)", "transaction": false}]) }}
select id, val from {{ ref('src') }}
