-- "dev"."main"."base"






select 'cols' as k, '(''id'', ''name'', ''amt'', ''d'', ''ts'', ''ok'', ''nul'', ''f'', ''arr'', ''big'')' as v union all 
select 'names' as k, '[''id'', ''name'', ''amt'', ''d'', ''ts'', ''ok'', ''nul'', ''f'', ''arr'', ''big'']' as v union all 
select 'n' as k, '3' as v union all 
select 'c0' as k, '(1, 2, 3)' as v union all 
select 'amt' as k, '(Decimal(''1.50''), Decimal(''2.25''), None)' as v union all 
select 'dates' as k, '(datetime.date(2024, 1, 1), datetime.date(2024, 2, 1), None)' as v union all 
select 'ts' as k, '(datetime.datetime(2024, 1, 1, 10, 0), datetime.datetime(2024, 2, 1, 11, 30, 0, 500000), None)' as v union all 
select 'ok' as k, '(True, False, None)' as v union all 
select 'nul' as k, '(None, ''x'', None)' as v union all 
select 'f' as k, '(Decimal(''2.5''), Decimal(''0.1''), None)' as v union all 
select 'arr' as k, '(''[1, 2]'', ''[3]'', None)' as v union all 
select 'row' as k, '(1, ''ann'', Decimal(''1.50''), datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 10, 0), True, None, Decimal(''2.5''), ''[1, 2]'', 10000000000)' as v union all 
select 'rowkey' as k, 'bo''b' as v union all 
select 'rowdict' as k, 'OrderedDict([(''id'', 1), (''name'', ''ann''), (''amt'', Decimal(''1.50'')), (''d'', datetime.date(2024, 1, 1)), (''ts'', datetime.datetime(2024, 1, 1, 10, 0)), (''ok'', True), (''nul'', None), (''f'', Decimal(''2.5'')), (''arr'', ''[1, 2]''), (''big'', 10000000000)])' as v union all 
select 'rowget' as k, 'none' as v union all 
select 'row0' as k, '2' as v union all 
select 'types' as k, '10' as v union all 
select 'distinct' as k, '3' as v union all 
select 'nonnull' as k, '(1, 2, 3)' as v union all 
select 'sel' as k, '(''id'',)' as v union all 
select 'excl' as k, '(''name'', ''amt'', ''d'', ''ts'', ''ok'', ''nul'', ''f'', ''big'')' as v union all 
select 'where' as k, '1' as v union all 
select 'lim' as k, '1' as v union all 
select 'ren' as k, '(''a1'', ''b'', ''c'', ''d'', ''e'', ''f'', ''g'', ''h'', ''i'', ''j'')' as v union all 
select 'g' as k, 'B' as v union all 
select 'g0' as k, '(1, ''x'')' as v union all 
select 'resp' as k, 'OK' as v union all 
select 'resp2' as k, '[(3, datetime.datetime(2024, 1, 1, 10, 0))]' as v union all 
select 'tab' as k, '4' as v union all 
select 'first' as k, '1' as v union all 
select 'len' as k, '10' as v union all 
select 'keys' as k, '(''id'', ''name'', ''amt'', ''d'', ''ts'', ''ok'', ''nul'', ''f'', ''arr'', ''big'')' as v union all 
select 'single' as k, '42' as v

union all select 'loop', '1/ann/1.50;2/bob/2.25;3/None/None;'
union all select 'loop2', '123'
