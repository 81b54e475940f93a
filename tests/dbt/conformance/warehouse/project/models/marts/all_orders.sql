{{ config(tags='union', meta={'x': [1, 2]}) }}
{{ toolbox.union_relations([ref('orders'), ref('orders_old')], exclude=['note', 'Status'], column_override={'method': 'varchar(10)'}, where='id > 0') }}
