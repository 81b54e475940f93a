# What is wrong with a record decides where it goes: silver, quarantine or the count of duplicates; nothing is lost.
. "$(dirname "$0")/lib.sh"
fm() { lakefm --lake lake "$@"; }
value() { lakefm --lake lake sql --format csv -c "select $1" | tail -n 1; }
row() { # user session item ts song
    printf '{"artist":"A","song":"%s","duration":1.5,"ts":%s,"sessionId":%s,"auth":"Logged In","level":"free","itemInSession":%s,' "$5" "$4" "$2" "$3"
    printf '"city":"C","zip":"01234","state":"MA","userAgent":"\\"M\\"","lon":1.0,"lat":2.0,"userId":%s,"lastName":"L","firstName":"F","gender":"F","registration":1}' "$1"
}

{
    printf '\xef\xbb\xbf'; row 1 1 0 1761955205000 good; printf '\r\n\r\n\n'
    row 1 1 1 1761955206000 'Caf\u00c3\u00a9'; echo
    row 1 1 0 1761955205000 good; echo                       # the same event again
    row 1 1 1 1761955206000 other; echo                      # the same key, another song
    echo '{"ts":1761955205000'; echo '[1]'; echo 'null'; echo '{} x'
    printf '{"song":"\xff\xfe"}\n'; printf '{"a":"\x00"}\n'
    echo '{"ts":1.5}'; echo '{"ts":9223372036854775808}'; echo '{"ts":1761955205000,"ts":1}'
    row 1 2 0 1761955207000 x | sed 's/"duration":1.5/"duration":1e999/'; echo
    row 1 2 0 1761955207000 x | sed 's/"duration":1.5/"duration":"1.5"/'; echo
    row 1 2 0 1761955207000 x | sed 's/"song":"x",//'; echo
    python3 -c "print('[' * 100000)"
    row 1 2 1 4000000000000 future; echo
    row 1 2 2 1759276800000 'late, and no newline' | sed 's/{/{"unknown":{"deep":[1]},/'
} >listen_events.json
run fm ingest -q listen_events.json; code 0
run fm refine --json; code 3; err 'mostly'; out '"rows":4'; out '"duplicates":1'; out '"conflicts":1'; out '"future":1'
is "$(value "count(*) from fact_listen_events where song = 'Café' and userAgent = 'M' and zip = '01234'")" 1
is "$(value "count(*) from read_parquet('lake/silver/fact_listen_events/*/*.parquet', hive_partitioning = false)")" 4
q="read_json('lake/quarantine/*/*/*.json.gz', format = 'newline_delimited', columns = {topic: varchar, reason: varchar, \"column\": varchar, raw: varchar, raw_b64: varchar, \"offset\": bigint})"
is "$(value "count(*) from $q")" 14
is "$(value "count(*) from $q where reason = 'conflict' and raw like '%other%' and \"offset\" = 5")" 1
is "$(value "count(*) from $q where reason = 'bad_utf8' and raw is null and from_base64(raw_b64) = '{\"song\":\"\\xFF\\xFE\"}'::blob")" 1
is "$(value "count(*) from $q where reason = 'not_integer' and \"column\" = 'ts'")" 1
is "$(value "count(*) from $q where reason = 'not_finite' and \"column\" = 'duration'")" 1
is "$(value "count(*) from $q where reason = 'missing_required' and \"column\" = 'song'")" 1
is "$(value "count(*) from $q where length(raw) = 100000")" 1
run fm audit; code 0; no_out BAD

# The same file again, forced, is nothing but duplicates and quarantine.
run fm ingest -q --force listen_events.json; code 0
run fm refine --json --set max_reject_share=1; code 0; out '"rows":0'; out '"duplicates":5'
run fm audit; code 0; no_out BAD
run fm refine; code 0; out 'Nothing to refine'

# Silver anew is the same silver.
sum='md5(string_agg(t::varchar, chr(10) order by t::varchar)) from fact_listen_events t'
before=$(value "$sum")
run fm refine --rebuild -q --set max_reject_share=1; code 0
is "$(value "$sum")" "$before"
run fm audit; code 0; no_out BAD
