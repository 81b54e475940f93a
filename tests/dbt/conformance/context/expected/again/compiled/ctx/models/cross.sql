select 'dt' as k, 'date_trunc(''month'', ts)' as v union all 
select 'da' as k, '

    (d + cast(3 as bigint) * interval 1 day)' as v union all 
select 'da2' as k, '

    (ts + cast(-2 as bigint) * interval 1 hour)' as v union all 
select 'dd' as k, '
        (date_diff(''day'', d::timestamp, ts::timestamp ))
    ' as v union all 
select 'dd2' as k, '
        (date_diff(''month'', d::timestamp, date ''2025-01-01''::timestamp ))
    ' as v union all 
select 'dd3' as k, '

    (d + (cast(1 as bigint) * 7) * interval 1 day)' as v union all 
select 'ld' as k, 'cast(
        

    (

    (date_trunc(''month'', d) + cast(1 as bigint) * interval 1 month) + cast(-1 as bigint) * interval 1 day)
        as date)' as v union all 
select 'ld2' as k, '-- duckdb dateadd does not support quarter interval.
    cast(
        

    (

    (date_trunc(''quarter'', d) + cast(3 as bigint) * interval 1 month) + cast(-1 as bigint) * interval 1 day)
        as date)' as v union all 
select 'ts' as k, 'TEXT' as v union all 
select 'ti' as k, 'integer' as v union all 
select 'tf' as k, 'float' as v union all 
select 'tt' as k, 'timestamp' as v union all 
select 'tn' as k, 'numeric(28,6)' as v union all 
select 'tb' as k, 'boolean' as v union all 
select 'tbi' as k, 'bigint' as v union all 
select 'concat' as k, 'id || ''-'' || name' as v union all 
select 'hash' as k, 'md5(cast(name as TEXT))' as v union all 
select 'ex' as k, '

    except

' as v union all 
select 'int' as k, '

    intersect

' as v union all 
select 'repl' as k, '

    replace(
        name,
        ''a'',
        ''b''
    )


' as v union all 
select 'sp' as k, '
    string_split(name, ''n'')[ 1 ]
' as v union all 
select 'sp2' as k, '
    string_split(name, ''n'')[ -1 ]
' as v union all 
select 'sc' as k, '
    
    cast(''12'' as integer)
' as v union all 
select 'cast' as k, '
    cast(id as varchar)
' as v union all 
select 'lit' as k, '''a''' as v union all 
select 'esc' as k, 'it''''s' as v union all 
select 'pos' as k, '

    position(
        ''a'' in name
    )' as v union all 
select 'len' as k, '

    length(
        name
    )' as v union all 
select 'right' as k, '

    right(
        name,
        2
    )' as v union all 
select 'la' as k, '
    string_agg(
        name,
        '',''
        order by id
        )' as v union all 
select 'la2' as k, 'list_aggr(
        (array_agg(
            name
            order by id
        ))[1:2],
        ''string_agg'',
        '', ''
        )' as v union all 
select 'la3' as k, '
    string_agg(
        name,
        '',''
        
        )' as v union all 
select 'any' as k, 'arbitrary(name)' as v union all 
select 'bor' as k, 'bool_or(ok)' as v union all 
select 'ac' as k, '
    array[ 1 , 2 ]
    ' as v union all 
select 'ac2' as k, '
    array[]::integer[]
    ' as v union all 
select 'aa' as k, 'array_append(arr, 3)' as v union all 
select 'acc' as k, 'array_cat(arr, arr)' as v union all 
select 'cast_bool' as k, '
  
    cast(ok as TEXT)

' as v union all 
select 'ct' as k, 'True' as v union all 
select 'ctu' as k, 'True' as v union all 
select 'date' as k, 'make_date(2024, 1, 2)' as v union all 
select 'ds' as k, '


    


    with rawdata as (

        
    select
        generate_series as generated_number
    from generate_series(1, 3)


    ),

    all_periods as (

        select (
            

    (date ''2024-01-01'' + cast(row_number() over (order by 1) - 1 as bigint) * interval 1 day)
        ) as date_day
        from rawdata

    ),

    filtered as (

        select *
        from all_periods
        where date_day <= date ''2024-01-04''

    )

    select * from filtered

' as v union all 
select 'gs' as k, '
    select
        generate_series as generated_number
    from generate_series(1, 5)
' as v union all 
select 'gp' as k, '4' as v union all 
select 'gi' as k, '4' as v union all 
select 'dp' as k, 'True' as v union all 
select 'equals' as k, '(a = b)
' as v union all 
select 'par' as k, '[''20240101'', ''20240102'', ''20240103'']' as v union all 
select 'pd' as k, '[''20240101'', ''20240102'']' as v union all 
select 'cdt' as k, '2024-01-01 00:00:00' as v union all 
select 'snap' as k, 'True' as v union all 
select 'hs' as k, 'md5(coalesce(cast(a as varchar ), '''')
         || ''|'' || coalesce(cast(b as varchar ), '''')
        )' as v union all 
select 'csv' as k, '"a", "b"' as v union all 
select 'alias' as k, 'x' as v union all 
select 'sch' as k, 'main_custom' as v union all 
select 'sch2' as k, 'main' as v union all 
select 'db' as k, 'dev' as v union all 
select 'emp' as k, 'select
    
      
    cast(null as int)
 as a' as v union all 
select 'sub' as k, '
  select 1
  
  limit 5' as v union all 
select 'bool' as k, 'True' as v union all 
select 'isinc' as k, 'False' as v union all 
select 'store' as k, 'False' as v union all 
select 'mk' as k, 'True' as v union all 
select 'mi' as k, '"dev"."main"."cross__dbt_tmp"' as v union all 
select 'mb' as k, '"dev"."main"."cross__dbt_backup"' as v union all 
select 'tr' as k, 'True' as v union all 
select 'alter' as k, 'True' as v union all 
select 'cas' as k, 'True' as v union all 
select 'merge_pk' as k, '[]' as v

union all select 'e_' || id, concat_ws('|', date_trunc('month', ts), 

    (d + cast(3 as bigint) * interval 1 day), 
        (date_diff('month', d::timestamp, date '2025-01-01'::timestamp ))
    , cast(
        

    (

    (date_trunc('month', d) + cast(1 as bigint) * interval 1 month) + cast(-1 as bigint) * interval 1 day)
        as date), 
    string_split(name, 'n')[ -1 ]
, 
    
    cast('12' as integer)
, 

    right(
        name,
        2
    ), md5(cast(name as TEXT)), 

    position(
        'n' in name
    ) ) from "dev"."main"."base"
