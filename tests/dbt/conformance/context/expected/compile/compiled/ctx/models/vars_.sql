select 'list' as k, '[1, ''two'', 3.5, None, True]' as v union all 
select 'dict' as k, '{''x'': 1, ''y'': {''z'': [1, 2]}}' as v union all 
select 'date' as k, '2024-01-05' as v union all 
select 'scoped' as k, 'in_ctx' as v union all 
select 'num' as k, '8' as v union all 
select 'def' as k, 'dflt' as v union all 
select 'has' as k, 'False' as v union all 
select 'has2' as k, 'True' as v union all 
select 'none' as k, 'None' as v union all 
select 'cli' as k, 'unset' as v union all 
select 'project' as k, 'ctx' as v union all 
select 'version' as k, '1' as v union all 
select 'target' as k, 'devmainduckdbdev1ctx' as v union all 
select 'target_get' as k, '1' as v union all 
select 'tsub' as k, 'main' as v union all 
select 'env' as k, 'dflt_env' as v union all 
select 'this' as k, '"dev"."main"."vars_"' as v union all 
select 'this2' as k, 'mainvars_vars_vars_devNone' as v union all 
select 'this3' as k, '"main"."vars_"' as v union all 
select 'thisq' as k, '"dev"."main".vars_' as v union all 
select 'incl' as k, '"vars_"' as v union all 
select 'model' as k, 'vars_model.ctx.vars_modelctxvars_.sqlmodels/vars_.sqlvars_maindev' as v union all 
select 'fqn' as k, '[''ctx'', ''vars_'']' as v union all 
select 'tags' as k, '[]' as v union all 
select 'mat' as k, 'table' as v union all 
select 'cfgget' as k, 'table' as v union all 
select 'cfgget2' as k, 'dd' as v union all 
select 'lang' as k, 'sql' as v union all 
select 'flags' as k, 'compileFalse' as v union all 
select 'which' as k, 'compile' as v union all 
select 'exec' as k, 'True' as v union all 
select 'sel' as k, '14' as v union all 
select 'schema' as k, 'main' as v union all 
select 'database' as k, 'dev' as v union all 
select 'thread' as k, 'True' as v union all 
select 'inv' as k, '36' as v union all 
select 'args' as k, 'compile' as v union all 
select 'run_started' as k, 'True' as v union all 
select 'conn' as k, '' as v union all 
select 'adapter' as k, 'duckdb' as v union all 
select 'ctxname' as k, 'True' as v union all 
select 'dbtn' as k, 'True' as v
