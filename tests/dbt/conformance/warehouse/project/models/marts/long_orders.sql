{{ toolbox.unpivot(ref('orders'), exclude=['id'], remove=['ordered_on'], field_name='k', value_name='v') }}
