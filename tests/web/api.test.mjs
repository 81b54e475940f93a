// openapi.json against real answers; security; limits.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { serve } from './lib.mjs';

let server, doc;
before(async () => {
  server = await serve({ words: ['--console'] });
  doc = await (await fetch(`${server.url}/openapi.json`)).json();
});
after(() => server?.stop());

// As much of JSON Schema as openapi.json uses; what a schema does not name is an error.
function check(schema, value, where) {
  if (schema.$ref) return check(doc.components.schemas[schema.$ref.split('/').at(-1)], value, where);
  if (schema.allOf) return schema.allOf.forEach((s) => check({ ...(s.$ref ? doc.components.schemas[s.$ref.split('/').at(-1)] : s), open: true }, value, where));
  const is = value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  assert.ok([schema.type].flat().some((t) => t === is || (t === 'number' && is === 'integer')), `${where}: ${is}, not ${schema.type}`);
  if (is === 'array' && schema.items) value.forEach((v, i) => check(schema.items, v, `${where}[${i}]`));
  if (is !== 'object' || !schema.properties) return;
  for (const key of schema.required) assert.ok(key in value, `${where}.${key} is missing`);
  for (const [key, v] of Object.entries(value)) if (schema.properties[key]) check(schema.properties[key], v, `${where}.${key}`);
}
const raw = (path, headers = {}, method = 'GET', body = '') => new Promise((resolve, reject) => {
  const r = request(server.url + path, { method, headers }, (a) => { let text = ''; a.on('data', (d) => (text += d)); a.on('end', () => resolve({ status: a.statusCode, headers: a.headers, text })); });
  r.on('error', reject);
  r.end(body);
});

test('every address of openapi.json answers as it says', async () => {
  const boards = (await (await fetch(`${server.url}/api/v1/boards`)).json()).boards;
  for (const [path, ops] of Object.entries(doc.paths))
    for (const [method, op] of Object.entries(ops)) {
      const type = Object.keys(op.responses['200'].content)[0];
      if (type === 'text/event-stream') continue;
      const all = path.includes('{board}') ? boards.flatMap((b) => b.charts.filter((c) => !path.includes('/rows/') || c.has_rows).map((c) => path.replace('{board}', b.name).replace('{chart}', c.id) + (path.includes('/rows/') ? '?limit=5&reason=x' : ''))) : [path.replace('{id}', '17')];
      for (const url of all) {
        const answer = await fetch(server.url + url, { method: method.toUpperCase(), body: method === 'post' && path.endsWith('/sql') ? 'select 1 as a' : undefined });
        assert.equal(answer.status, 200, `${url}: ${answer.status === 200 ? '' : await answer.clone().text()}`);
        assert.ok(answer.headers.get('content-type').startsWith(type), url);
        if (type === 'application/json') check(op.responses['200'].content[type].schema, await answer.json(), url);
      }
    }
  for (const [id, known] of [['999999999', false], ['17', true]]) assert.equal((await (await fetch(`${server.url}/api/v1/users/${id}`)).json()).known, known, id);
  assert.equal((await fetch(`${server.url}/api/v1/users/1%20or%201=1`)).status, 400);
  const bad = await fetch(`${server.url}/api/v1/nothing`);
  assert.equal(bad.status, 404);
  check(doc.components.schemas.Error, await bad.json(), 'error');
});

test('the feed greets', async () => {
  const stop = new AbortController();
  const answer = await fetch(`${server.url}/api/v1/events`, { signal: stop.signal });
  const { value } = await answer.body.getReader().read();
  assert.match(new TextDecoder().decode(value), /event: hello\ndata: \{"version":\d+/);
  stop.abort();
});

test('ETag and 304; gzip and brotli', async () => {
  const one = await raw('/api/v1/data/overview/daily_listens');
  assert.equal((await raw('/api/v1/data/overview/daily_listens', { 'If-None-Match': one.headers.etag })).status, 304);
  assert.equal((await raw('/api/v1/data/overview/daily_listens?level=paid', { 'If-None-Match': one.headers.etag })).status, 200);
  assert.equal((await raw('/api/v1/boards', { 'Accept-Encoding': 'gzip' })).headers['content-encoding'], 'gzip');
  assert.equal((await raw('/overview', { 'Accept-Encoding': 'br' })).headers['content-encoding'], 'br');
  const page = await raw('/overview');
  assert.match(page.headers['content-security-policy'], /script-src 'self';/);
  const js = /src="(\/assets\/[^"]+\.js)"/.exec(page.text)[1];
  const got = await raw(js, { 'Accept-Encoding': 'br' });
  assert.ok(Number(got.headers['content-length']) <= 250 * 1024);
});

test('the first events are those of the whole, with its total', async () => {
  for (const chart of ['overview/daily_listens?level=paid', 'music/top_songs?level=paid']) {
    const whole = (await raw(`/api/v1/rows/${chart}&format=csv`)).text.trim().split('\r\n');
    const some = JSON.parse((await raw(`/api/v1/rows/${chart}&limit=200`)).text);
    assert.equal(some.total, whole.length - 1);
    assert.equal(some.rows.length, 200);
    assert.equal(some.truncated, true);
    assert.deepEqual(some.columns.map((c) => c.name), whole[0].split(','));
    some.rows.forEach((r, i) => assert.ok(whole[i + 1].replace('T', ' ').startsWith(String(r[0]).replace('T', ' ').slice(0, 19)), `${chart} row ${i}: ${r[0]} ${whole[i + 1]}`));
    const all = JSON.parse((await raw(`/api/v1/rows/${chart}&limit=99999`)).text);
    assert.equal(all.truncated, false);
    assert.equal(all.rows.length, all.total);
  }
});

test('Host, Origin, methods, sizes', async () => {
  assert.equal((await raw('/api/v1/status', { Host: 'evil.example' })).status, 403);
  assert.equal((await raw('/api/v1/status', { Host: '127.0.0.1.evil.example' })).status, 403);
  assert.equal((await raw('/api/v1/status', { Origin: 'http://evil.example' })).status, 403);
  assert.equal((await raw('/api/v1/status', { Origin: 'null' })).status, 403);
  assert.equal((await raw('/api/v1/status', { Origin: server.url })).status, 200);
  assert.equal((await raw('/api/v1/boards', {}, 'DELETE')).status, 405);
  assert.equal((await raw('/api/v1/boards', { 'X-Long': 'a'.repeat(9000) })).status, 431);
  assert.equal((await raw('/api/v1/sql', {}, 'POST', 'x'.repeat((1 << 20) + 1))).status, 413);
  assert.equal((await raw('/..%2f..%2fetc/passwd')).status, 404);
  assert.equal((await raw(`/api/v1/data/overview/listens?user=${encodeURIComponent("1 or 1=1")}`)).status, 400);
});

test('console: one SELECT, the lake only, capped', async () => {
  const ask = async (text) => (await fetch(`${server.url}/api/v1/sql`, { method: 'POST', body: text })).json();
  for (const bad of ['drop view x', 'select 1; select 2', "select * from read_csv('/etc/passwd')", "copy (select 1) to '/tmp/lakefm-x'", 'set threads=1', 'install httpfs', "select * from 'http://127.0.0.1/x.parquet'", "attach '/tmp/a.db'"]) assert.ok((await ask(bad)).error, bad);
  const many = await ask('select * from range(1000000)');
  assert.equal(many.rows.length, 10000);
  assert.equal(many.truncated, true);
  const wide = await ask("select repeat('x', 10000) from range(10000)");
  assert.ok(wide.truncated && wide.rows.length > 10 && wide.rows.length < 10000, JSON.stringify(wide).slice(0, 300));
  const huge = await ask("select repeat('x', 1000000) from range(10000)"); // 10 GB: stopped by the watched memory
  assert.equal(huge.error?.code, 'no_space', JSON.stringify(huge).slice(0, 300));
  const off = await serve();
  assert.equal((await fetch(`${off.url}/api/v1/sql`, { method: 'POST', body: 'select 1' })).status, 403);
  await off.stop();
});

test('another address needs a token, and then everybody does', async () => {
  await assert.rejects(serve({ words: ['--set', 'serve.bind=0.0.0.0'] }), (e) => e.code === 2 && /token/.test(e.message));
  const guarded = await serve({ words: ['--set', 'serve.bind=0.0.0.0'], env: { LAKEFM_SERVE_TOKEN: 'a-long-secret' } });
  const url = guarded.url.replace('0.0.0.0', '127.0.0.1');
  assert.equal((await fetch(`${url}/api/v1/status`)).status, 401);
  assert.equal((await fetch(`${url}/api/v1/status`, { headers: { Authorization: 'Bearer wrong' } })).status, 401);
  assert.equal((await fetch(`${url}/api/v1/status`, { headers: { Authorization: 'Bearer a-long-secret' } })).status, 200);
  const first = await fetch(`${url}/?token=a-long-secret`);
  const cookie = first.headers.get('set-cookie');
  assert.match(cookie, /HttpOnly; SameSite=Strict/);
  assert.doesNotMatch(cookie, /a-long-secret/);
  assert.equal((await fetch(`${url}/api/v1/status`, { headers: { Cookie: cookie.split(';')[0] } })).status, 200);
  await guarded.stop();
});

test('a flood of malformed HTTP leaves the server answering', async () => {
  const { spawn } = await import('node:child_process');
  const flood = spawn('python3', [new URL('./flood.py', import.meta.url).pathname, new URL(server.url).port], { env: { FLOOD_SECONDS: '5', ...process.env } });
  let text = '';
  flood.stdout.on('data', (d) => (text += d));
  flood.stderr.on('data', (d) => (text += d));
  assert.equal(await new Promise((done) => flood.on('exit', done)), 0, text);
});
