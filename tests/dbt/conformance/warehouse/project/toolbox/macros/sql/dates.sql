{% macro date_dimension(start_date=none, end_date=none) %}
with spine as ({{ dbt.date_spine('day', "cast('" ~ start_date ~ "' as date)", "cast('" ~ end_date ~ "' as date)") }})
select {{ toolbox.pretty('date_day') }} as pretty, date_day, {{ dbt.date_trunc('week', 'date_day') }} as week_start,
  {{ dbt.last_day('date_day', 'month') }} as month_end, {{ toolbox.day_name('date_day', short=false) }} as day_name,
  {{ dbt.datediff("cast('" ~ start_date ~ "' as date)", 'date_day', 'week') }} as week_no,
  {%- for back in [1, 7] %} {{ dbt.dateadd('day', -1 * back, 'date_day') }} as minus_{{ back }}{{ ',' if not loop.last }}{% endfor %}
from spine
{% endmacro %}
{% macro pretty(d) %}strftime({{ d }}, '{{ var("toolbox:date_format") }}'){% endmacro %}
{% macro day_name(date, short=True) -%}
  {%- set f = '%a' if short else '%A' -%}
  strftime({{ date }}, '{{ f }}')
{%- endmacro %}
{% macro dates_between(start, end_excl, fmt='%Y-%m-%d') %}
  {%- set s = modules.datetime.datetime.strptime(start, fmt) -%}{%- set e = modules.datetime.datetime.strptime(end_excl, fmt) -%}
  {%- set ns = namespace(days=[], at=s) -%}
  {%- for _ in range((e - s).days) -%}{%- do ns.days.append(ns.at.strftime(fmt)) -%}{%- set ns.at = ns.at + modules.datetime.timedelta(days=1) -%}{%- endfor -%}
  {{ return(ns.days) }}
{% endmacro %}
