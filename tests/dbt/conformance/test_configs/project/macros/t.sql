{% test sum_above(model, column, bound, expr=none) %}
select * from (select sum({{ expr or column }}) as s from {{ model }}) where s <= {{ bound }}
{% endtest %}
{%- test dbt_expect_long_name_of_a_custom_generic_test_that_goes_on(model, column_name, some_parameter, other_parameter) -%}
select {{ column_name }}, '{{ some_parameter | tojson }}' as p from {{ model }} where {{ 'false' if other_parameter else 'true' }}
{%- endtest %}
