/* For tests of refine: the tables of eventsim's sample, told apart from our code by SQL over the raw JSON. */
#ifndef LAKEFM_REFINE_TESTING_SAMPLE_H
#define LAKEFM_REFINE_TESTING_SAMPLE_H

#include "refine/refine_testing.h"

#define CLEAN_AGENT "case when length(userAgent) >= 2 and userAgent[1] = '\"' and userAgent[-1] = '\"' then userAgent[2:-2] else userAgent end as userAgent"
#define DERIVED "year(w)::usmallint as year, month(w)::utinyint as month, day(w)::utinyint as day, hour(w)::utinyint as hour"

static inline void make_raw(struct kitchen *k)
{
    kitchen_sql(k,
        "create macro fixed(t) as case when t is null then null when not regexp_full_match(t, '[\\x{0}-\\x{ff}]*', 's') then t "
        "when regexp_full_match(t, '[\\x{0}-\\x{7f}]*', 's') then t "
        "else coalesce(try(decode(unhex(list_aggregate(list_transform(string_split(t, ''), c -> printf('%02x', ascii(c))), 'string_agg', '')))), t) end;"
        "create table raw_listen as select * from read_json('" SAMPLE "listen_events.json.gz', format = 'newline_delimited', columns = {"
        "artist: varchar, song: varchar, duration: double, ts: bigint, sessionId: bigint, auth: varchar, level: varchar, itemInSession: uinteger, "
        "city: varchar, zip: varchar, state: varchar, userAgent: varchar, lon: double, lat: double, userId: bigint, lastName: varchar, "
        "firstName: varchar, gender: varchar, registration: bigint});"
        "create table raw_page as select * from read_json('" SAMPLE "page_view_events.json.gz', format = 'newline_delimited', columns = {"
        "ts: bigint, sessionId: bigint, page: varchar, auth: varchar, method: varchar, status: usmallint, level: varchar, itemInSession: uinteger, "
        "city: varchar, zip: varchar, state: varchar, userAgent: varchar, lon: double, lat: double, userId: bigint, lastName: varchar, "
        "firstName: varchar, gender: varchar, registration: bigint, artist: varchar, song: varchar, duration: double});"
        "create table raw_auth as select * from read_json('" SAMPLE "auth_events.json.gz', format = 'newline_delimited', columns = {"
        "ts: bigint, sessionId: bigint, level: varchar, itemInSession: uinteger, city: varchar, zip: varchar, state: varchar, userAgent: varchar, "
        "lon: double, lat: double, userId: bigint, lastName: varchar, firstName: varchar, gender: varchar, registration: bigint, success: boolean});"
        "create table raw_status as select * from read_json('" SAMPLE "status_change_events.json.gz', format = 'newline_delimited', columns = {"
        "ts: bigint, sessionId: bigint, auth: varchar, level: varchar, itemInSession: uinteger, city: varchar, zip: varchar, state: varchar, "
        "userAgent: varchar, lon: double, lat: double, userId: bigint, lastName: varchar, firstName: varchar, gender: varchar, registration: bigint});");
}

#define FACT_LISTEN "ts, w::timestamp_ms as event_time, userId, sessionId, itemInSession, fixed(song) as song, fixed(artist) as artist, duration, level, auth, zip, city, state, " CLEAN_AGENT ", " DERIVED
#define FACT_PAGE "ts, w::timestamp_ms as event_time, userId, sessionId, itemInSession, page, method, status, auth, level, fixed(song) as song, fixed(artist) as artist, duration, zip, city, state, " CLEAN_AGENT ", " DERIVED
#define FACT_AUTH "ts, w::timestamp_ms as event_time, userId, sessionId, itemInSession, success, level, zip, city, state, " CLEAN_AGENT ", " DERIVED
#define FACT_STATUS "ts, w::timestamp_ms as event_time, userId, sessionId, itemInSession, auth, level, zip, city, state, " CLEAN_AGENT ", " DERIVED

static inline void check_facts(struct kitchen *k)
{
    static const char *const table[] = {"fact_listen_events", "fact_page_view_events", "fact_auth_events", "fact_status_change_events"};
    static const char *const want[] = {
        "select " FACT_LISTEN " from (select *, make_timestamp_ms(ts) as w from raw_listen)",
        "select " FACT_PAGE " from (select *, make_timestamp_ms(ts) as w from raw_page)",
        "select " FACT_AUTH " from (select *, make_timestamp_ms(ts) as w from raw_auth)",
        "select " FACT_STATUS " from (select *, make_timestamp_ms(ts) as w from raw_status)",
    };
    for (int i = 0; i < SAMPLE_TOPICS; i++) {
        kitchen_view(k, table[i]);
        char *got = mem_printf("select * exclude batch from %s", table[i]);
        kitchen_same(k, got, want[i]);
        mem_free(got);
    }
}

#define EVENTS                                                                                                         \
    "(select userId, ts, itemInSession, level, firstName, lastName, gender, registration from raw_listen union all "   \
    "select userId, ts, itemInSession, level, firstName, lastName, gender, registration from raw_page union all "      \
    "select userId, ts, itemInSession, level, firstName, lastName, gender, registration from raw_auth union all "      \
    "select userId, ts, itemInSession, level, firstName, lastName, gender, registration from raw_status)"

static inline void check_dims(struct kitchen *k)
{
    static const char *const table[] = {"dim_user", "dim_user_history", "dim_song", "dim_location", "dim_time"};
    for (int i = 0; i < 5; i++) kitchen_view(k, table[i]);
    kitchen_same(k, "select * from dim_user",
        "select userId, l.firstName, l.lastName, l.gender, l.level, l.registration, make_timestamp_ms(f)::timestamp_ms as first_seen, make_timestamp_ms(t)::timestamp_ms as last_seen from "
        "(select distinct on (userId) * from " EVENTS " where userId is not null order by userId, ts desc, itemInSession desc, level desc) l join "
        "(select userId, min(ts) as f, max(ts) as t from " EVENTS " where userId is not null group by 1) using (userId)");
    kitchen_same(k, "select * from dim_user_history",
        "select userId, level, make_timestamp_ms(ts)::timestamp_ms as valid_from, make_timestamp_ms(lead(ts) over (partition by userId order by ts, itemInSession, level))::timestamp_ms as valid_to from ("
        "select *, lag(level) over (partition by userId order by ts, itemInSession, level) as before from " EVENTS " where userId is not null) "
        "where before is distinct from level");
    kitchen_same(k, "select * from dim_song",
        "select song, artist, arg_max(duration, (n, -duration)) as duration, make_timestamp_ms(min(f))::timestamp_ms as first_seen from "
        "(select fixed(song) as song, fixed(artist) as artist, duration, count(*) as n, min(ts) as f from raw_listen group by all) group by 1, 2");
    kitchen_same(k, "select zip, city, state from dim_location",
        "select distinct zip, city, state from (select zip, city, state from raw_listen union select zip, city, state from raw_page "
        "union select zip, city, state from raw_auth union select zip, city, state from raw_status)");
    kitchen_same(k, "select * from dim_location where exists (select 1 from raw_listen l where l.zip = dim_location.zip and l.city = dim_location.city and l.state = dim_location.state)",
        "select zip, city, state, (arg_max({lat: lat, lon: lon}, (n, -lat, -lon))).lat as lat, (arg_max({lat: lat, lon: lon}, (n, -lat, -lon))).lon as lon from "
        "(select zip, city, state, lat, lon, count(*) as n from raw_listen group by all) group by 1, 2, 3");
    kitchen_same(k, "select * from dim_time",
        "select m as minute_ts, year(w)::usmallint as year, month(w)::utinyint as month, day(w)::utinyint as day, hour(w)::utinyint as hour, "
        "minute(w)::utinyint as minute, isodow(w)::utinyint as weekday, week(w)::utinyint as week, isodow(w) > 5 as is_weekend from "
        "(select distinct ts - ts % 60000 as m, make_timestamp_ms(ts - ts % 60000) as w from " EVENTS ")");
}

#endif
