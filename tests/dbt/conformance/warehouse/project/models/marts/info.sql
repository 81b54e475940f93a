{%- set q = toolbox.query_as_dict("select method, count(*) as n from " ~ ref('orders') ~ " group by 1 order by 1") -%}
{%- set newest = toolbox.single_value("select max(ordered_on) from " ~ ref('orders'), 'none') -%}
{%- set days = toolbox.dates_between('2024-02-27', '2024-03-02') -%}
{%- set yaml = toolbox.model_yaml(['stg_orders']) -%}
{% call(x, i) each(['a', 'b']) %}-- {{ i }} {{ x }}
{% endcall %}
select '{{ q | tojson | replace("'", "''") }}' as q, '{{ newest }}' as newest, '{{ days | join(" ") }}' as days,
  '{{ toolbox.slugify("1 Überlange-Name (v2)!") }}' as slug, {{ toolbox.width_bucket('12.5', 0, 20, 4) }} as bucket, {{ toolbox.url_parameter("'http://x/?a=1&b=2'", 'b') }} as b,
  '{{ (yaml or "") | replace("'", "''") }}' as yaml, '{{ (toolbox.base_model("raw", "old", leading_commas=true) or "") | replace("'", "''") }}' as base,
  '{{ model.config.meta | string | replace("'", "") }} {{ this.include(database=false) }} {{ model.tags | length }}' as me,
  '{{ ['b', 'A', 'c'] | sort(case_sensitive=true) | join }} {{ {"k": none} | tojson }} {{ "%.2f" | format(1.005) }} {{ "%s-%05d" % ("x", 42) }} {{ "{:>6}|{!r}".format("ab", "c") | replace("'", "`") }}' as formats,
  {{ "'" ~ invocation_args_dict.which ~ "'" if invocation_args_dict.which is defined else 'null' }} as which
