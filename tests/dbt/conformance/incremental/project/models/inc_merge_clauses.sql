{{ config(incremental_strategy='merge', unique_key='id', merge_clauses={
 'when_matched': [
   {'action': 'update', 'condition': 'DBT_INTERNAL_SOURCE.val > 200', 'mode': 'explicit', 'update': {'set_expressions': {'val': 'DBT_INTERNAL_DEST.val + 1'}}},
   {'action': 'delete', 'condition': 'DBT_INTERNAL_SOURCE.id = 3'},
   {'action': 'do_nothing'}
 ],
 'when_not_matched': [
   {'action': 'insert', 'mode': 'by_name'}
 ]
 }) }}
select * from {{ ref('src') }}
