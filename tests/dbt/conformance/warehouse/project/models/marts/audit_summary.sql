{{ toolbox.compare_queries('select id, method from ' ~ ref('orders'), 'select id, method from ' ~ ref('orders_old')) }}
