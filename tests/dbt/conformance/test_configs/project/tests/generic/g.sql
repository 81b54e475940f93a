{% test at_least_rows(model, bound) %}
{{ config(severity='error') }}
select 1 as bad from (select count(*) as c from {{ model }}) where c < {{ bound }}
{% endtest %}
{% test at_least_col(model, column_name, bound=0) %}
  select {{ column_name }} as id from {{ model }} where {{ column_name }} >= {{ bound }}
{% endtest %}
