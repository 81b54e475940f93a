select 'cap' as k, 'captured 1-2-3-5' as v union all 
select 'ns' as k, '10' as v union all 
select 'l' as k, '[3, 1, 2, 5]' as v union all 
select 'd' as k, '{''b'': 1, ''a'': 2}' as v union all 
select 'keys' as k, '[''b'', ''a'', ''c'']' as v union all 
select 'sorted' as k, '[(''a'', 2), (''b'', 1), (''c'', 3)]' as v union all 
select 'ret' as k, '[1, 2, ''c'', (), {}]' as v union all 
select 'flav' as k, 'duck' as v union all 
select 'flav2' as k, 'duck' as v union all 
select 'nor' as k, ' text ' as v union all 
select 'deep' as k, 'bottom' as v union all 
select 'tojson' as k, '{"a": [1, null, true, "x\"y"]}' as v union all 
select 'tojson2' as k, '{"a": "\u00e9", "b": 1}' as v union all 
select 'tojs' as k, '[1]' as v union all 
select 'fromjson' as k, '{''a'': [1, 2.0, None]}' as v union all 
select 'fromjson2' as k, 'def' as v union all 
select 'toyaml' as k, 'a:
- 1
- x
b:
  c: null
' as v union all 
select 'fromyaml' as k, '{''a'': [1, True, datetime.date(2020, 1, 1)]}' as v union all 
select 'set' as k, '[1, 2]' as v union all 
select 'sets' as k, '[1]' as v union all 
select 'zip' as k, '[(1, ''a''), (2, ''b'')]' as v union all 
select 'zips' as k, '[(1, 2)]' as v union all 
select 'md5' as k, '900150983cd24fb0d6963f7d28e17f72' as v union all 
select 're' as k, 'a_b_c' as v union all 
select 're2' as k, 'bbb' as v union all 
select 're3' as k, '[''1'', ''22'']' as v union all 
select 're4' as k, 'True' as v union all 
select 'dt' as k, '2024-03-01' as v union all 
select 'dt2' as k, '2024/01/01 10:05:00 001 Mon Jan' as v union all 
select 'dt3' as k, '2024-03-04' as v union all 
select 'dt4' as k, '29' as v union all 
select 'dt5' as k, '2024-01-01T00:00:00' as v union all 
select 'pytz' as k, 'UTC' as v union all 
select 'it' as k, '[1, 2]' as v union all 
select 'it2' as k, '[(1, ''a''), (1, ''b''), (2, ''a''), (2, ''b'')]' as v union all 
select 'it3' as k, '[(1, 2), (1, 3), (2, 3)]' as v union all 
select 'bool' as k, 'true' as v union all 
select 'num' as k, '3' as v union all 
select 'native' as k, '[1,2]' as v union all 
select 'text' as k, '5' as v union all 
select 'range' as k, '[0, 1, 2]' as v union all 
select 'div' as k, '3.5' as v union all 
select 'fdiv' as k, '3' as v union all 
select 'mod' as k, '2' as v union all 
select 'pow' as k, '1024' as v union all 
select 'cmp' as k, 'True' as v union all 
select 'in' as k, 'True' as v union all 
select 'slice' as k, '[1, 2, 5]' as v union all 
select 'rev' as k, '[5, 2, 1, 3]' as v union all 
select 'neg' as k, '5' as v union all 
select 'tern' as k, 'y' as v union all 
select 'str' as k, 'a1None' as v union all 
select 'join' as k, 'a,1' as v union all 
select 'fmt' as k, 'a-007' as v union all 
select 'fmt2' as k, 'a-   3' as v union all 
select 'fmt3' as k, '3.14' as v union all 
select 'title' as k, 'Hello World' as v union all 
select 'cap2' as k, 'Abc' as v union all 
select 'wc' as k, '3' as v union all 
select 'trunc' as k, 'hello...' as v union all 
select 'wrap' as k, '  x  ' as v union all 
select 'int' as k, '12' as v union all 
select 'float' as k, '1.5' as v union all 
select 'round' as k, '2.6' as v union all 
select 'abs' as k, '3' as v union all 
select 'max' as k, '5' as v union all 
select 'sum' as k, '11' as v union all 
select 'uniq' as k, '[1, 2]' as v union all 
select 'batch' as k, '[[3, 1], [2, 5]]' as v union all 
select 'groupby' as k, '1' as v union all 
select 'map' as k, '[''x'']' as v union all 
select 'sel' as k, '[1, 3]' as v union all 
select 'rej' as k, '[2]' as v union all 
select 'selattr' as k, '[{''k'': 2}]' as v union all 
select 'first' as k, '3' as v union all 
select 'last' as k, '5' as v union all 
select 'xml' as k, '&lt;a&gt;' as v union all 
select 'url' as k, 'a%20b' as v union all 
select 'indent' as k, 'a
  b' as v union all 
select 'items' as k, '[(''b'', 1), (''a'', 2), (''c'', 3)]' as v union all 
select 'default' as k, 'dd' as v union all 
select 'defined' as k, 'False' as v union all 
select 'none' as k, 'True' as v union all 
select 'mapping' as k, 'True' as v union all 
select 'iter' as k, 'True' as v union all 
select 'strm' as k, 'ab' as v union all 
select 'split' as k, '[''a'', ''b'']' as v union all 
select 'repl' as k, 'a-b' as v union all 
select 'starts' as k, 'True' as v union all 
select 'find' as k, '2' as v union all 
select 'zfill' as k, '007' as v union all 
select 'isdig' as k, 'True' as v union all 
select 'count' as k, '2' as v union all 
select 'caller' as k, '1' as v union all 
select 'popped' as k, '3' as v union all 
select 'geti' as k, '0' as v union all 
select 'rjust' as k, '..x' as v union all 
select 'part' as k, '(''a.b'', ''.'', ''c'')' as v union all 
select 'diff' as k, '{''A'': [''x''], ''b'': [''q'']}' as v

union all select 'call', '1p;2q;'
