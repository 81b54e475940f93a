// @clickhouse/client: argv: host, HTTP port, TCP port, types' SELECT. Prints JSON.
import { createClient } from '@clickhouse/client';

const [host, http, , types] = process.argv.slice(2);
const c = createClient({ url: `http://${host}:${http}`, username: 'bi', password: '', database: 'Spotify' });
const rows = async (query, query_params, format = 'JSONEachRow') => (await c.query({ query, query_params, format,
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1, output_format_json_quote_decimals: 1 } })).json();
const plain = (v) => v === null ? 'null' : Array.isArray(v) ? v.map(plain).join(' ') : String(v);
if (!(await c.ping()).success) throw new Error('ping');
const one = async (...a) => Object.values((await rows(...a))[0])[0];
const out = {
    version: await one('SELECT version()'),
    tables: (await rows('SHOW TABLES')).map((r) => r.name).sort(),
    listens: Number(await one('SELECT sum(listen_count) FROM daily_user_listen_counts WHERE month = {m:UInt8} AND userId IN {u:Array(Int64)}', { m: 11, u: [98, 8, 41] })),
    song: Number(await one('SELECT count() FROM top_songs_by_play_count WHERE song = {s:String}', { s: "it's \\ a\ttest" })),
    rows: 0,
    types: Object.fromEntries(Object.entries((await rows(types))[0]).map(([k, v]) => [k, plain(v)])),
};
const stream = (await c.query({ query: 'SELECT * FROM listening_days', format: 'JSONEachRow' })).stream();
for await (const chunk of stream) out.rows += chunk.length;
try {
    await c.insert({ table: 'churn', values: [{ week: 'x' }], format: 'JSONEachRow' });
} catch (e) { out.error = `Code: ${e.code} ${e.message}`; }
await c.close();
console.log(JSON.stringify({ js: out }));
