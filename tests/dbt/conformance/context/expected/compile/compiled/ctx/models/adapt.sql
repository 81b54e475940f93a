-- depends_on: "dev"."main"."base" "dev"."main"."vars_"














select 'names' as k, '[''id'', ''name'', ''amt'', ''d'', ''ts'', ''ok'', ''nul'', ''f'', ''arr'', ''big'']' as v union all 
select 'types' as k, '[''INTEGER'', ''character varying(256)'', ''DECIMAL(10,2)'', ''DATE'', ''TIMESTAMP'', ''BOOLEAN'', ''character varying(256)'', ''DOUBLE'', ''INTEGER[]'', ''BIGINT'']' as v union all 
select 'dtypes' as k, '[''INTEGER'', ''VARCHAR'', ''DECIMAL(10,2)'', ''DATE'', ''TIMESTAMP'', ''BOOLEAN'', ''VARCHAR'', ''DOUBLE'', ''INTEGER[]'', ''BIGINT'']' as v union all 
select 'quoted' as k, '[''"id"'', ''"name"'', ''"amt"'', ''"d"'', ''"ts"'', ''"ok"'', ''"nul"'', ''"f"'', ''"arr"'', ''"big"'']' as v union all 
select 'isnum' as k, 'False' as v union all 
select 'isstr' as k, 'True' as v union all 
select 'isint' as k, 'True' as v union all 
select 'num' as k, 'None/None' as v union all 
select 'isfl' as k, 'True' as v union all 
select 'chs' as k, 'None' as v union all 
select 'col' as k, 'idid' as v union all 
select 'rel' as k, '"dev"."main"."base"' as v union all 
select 'reltype' as k, 'table' as v union all 
select 'istab' as k, 'TrueFalse' as v union all 
select 'norel' as k, 'True' as v union all 
select 'made' as k, '"db"."s"."t"' as v union all 
select 'made2' as k, '"s"."t"' as v union all 
select 'isv' as k, 'True' as v union all 
select 'col2' as k, 'c1character varying(20)20' as v union all 
select 'strtype' as k, 'character varying(5)' as v union all 
select 'numtype' as k, 'decimal(5,2)' as v union all 
select 'translate' as k, 'TEXT' as v union all 
select 'quote' as k, '"a b"' as v union all 
select 'after' as k, '(''t2'',)' as v union all 
select 'exists' as k, 'True' as v union all 
select 'exists2' as k, 'False' as v union all 
select 'load' as k, '"dev"."main"."base"' as v union all 
select 'load2' as k, '"dev"."main"."base"' as v union all 
select 'missing' as k, '[''id'', ''name'', ''amt'', ''d'', ''ts'', ''ok'', ''nul'', ''f'', ''arr'', ''big'']' as v union all 
select 'incl' as k, '"db"."t"' as v union all 
select 'inc2' as k, '"db"."s"."zz"' as v union all 
select 'rep' as k, '"db"."s"."yy"' as v union all 
select 'inc3' as k, 'table' as v union all 
select 'wd' as k, '"db"."s"' as v union all 
select 'ris' as k, '"dev"."main"."base"' as v union all 
select 'rid' as k, 'basemain' as v union all 
select 'matches' as k, 'True' as v union all 
select 'info' as k, '"db".INFORMATION_SCHEMA' as v union all 
select 'infos' as k, '"db".INFORMATION_SCHEMA.columns' as v union all 
select 'inview' as k, '"t"' as v union all 
select 'is_cte' as k, 'False' as v union all 
select 'cte' as k, 'dev' as v union all 
select 'dbquote' as k, 'db.s."t"' as v union all 
select 'pol' as k, 'TrueTrue' as v union all 
select 'reld' as k, '' as v union all 
select 'canrep' as k, 'False' as v union all 
select 'sch' as k, 'True' as v union all 
select 'eq' as k, 'False' as v union all 
select 'types2' as k, 'True' as v union all 
select 'seed' as k, 'True' as v union all 
select 'gcsql' as k, '[''a'', ''b'']' as v union all 
select 'valid' as k, 'True' as v union all 
select 'disp' as k, 'date_trunc(''day'', x)' as v
