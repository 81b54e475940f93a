// How fast the page is on a lake of 4 million listens: make bench-web (web.sh). LAKE is made by the simulator if it is not
// there (USERS=18000, some 1.2 GB). ROUNDS=15, SECONDS=30, RATE=200, CLIENTS=100; ONLY=page leaves out the load.
// Prints a table; 1 when a limit is not met. Browser, load generator and server share the machine.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { Agent, get as httpGet } from 'node:http';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { launch, serve, sql } from '../web/lib.mjs';

const { LAKEFM, LAKE } = process.env, env = (name, other) => Number(process.env[name] ?? other);
const users = env('USERS', 18000), seconds = env('SECONDS', 30), rate = env('RATE', 200), clients = env('CLIENTS', 100), rounds = env('ROUNDS', 15);
let missed = 0;
const quantile = (list, q) => { const s = [...list].sort((a, b) => a - b); return s[Math.min(s.length - 1, Math.ceil(q * s.length) - 1)]; };
function row(what, list, limit, q = 0.5) {
  const at = quantile(list, q), bad = limit !== undefined && at > limit;
  missed += bad;
  console.log(`${what.padEnd(58)} p50 ${quantile(list, 0.5).toFixed(1).padStart(7)}  p99 ${quantile(list, 0.99).toFixed(1).padStart(7)}  max ${Math.max(...list).toFixed(1).padStart(7)} ms  n ${String(list.length).padStart(5)}${limit === undefined ? '' : `  p${q * 100} wanted ${limit}: ${bad ? 'NOT MET' : 'met'}`}`);
}

if (!existsSync(LAKE)) {
  const run = (...words) => execFileSync(LAKEFM, ['-q', '--lake', LAKE, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  run('simulate', '--streams', '--users', String(users), '--seed', '7', '--growth-rate', '0.25', '--from', '2025-11-01', '--to', '2026-02-01', '--into', LAKE);
  run('refine');
  run('build');
}
const [{ n: listens }] = sql('select count(*) as n from fact_listen_events');
console.log(`${Number(listens).toLocaleString('en-GB')} listens, ${cpus().length} cores (${cpus()[0].model}), load ${loadavg().map((l) => l.toFixed(1)).join(' ')}`);

// In the page: when are the cards drawn with their data, and painted? Nothing here makes the browser
// lay out or draw a frame of its own.
function watch() {
  const cards = () => [...document.querySelectorAll('#charts > .card[id]')];
  const drawn = (c) => !c.classList.contains('busy') && (c.querySelector('.age').textContent || c.querySelector('.error'));
  const painted = () => new Promise((done) => requestAnimationFrame(() => { const m = new MessageChannel(); m.port1.onmessage = () => done(performance.now()); m.port2.postMessage(0); }));
  const until = (f) => new Promise((done) => {
    if (f()) return done(painted());
    const o = new MutationObserver(() => { if (f()) o.disconnect(), done(painted()); });
    o.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['class'] });
  });
  window.benchFirst = Promise.all([until(() => cards().some(drawn)), until(() => cards().length && cards().every(drawn))]);
  // From the event to the last touched card drawn anew. A click makes cards busy at once, within its own task.
  window.benchClick = async (act) => { const start = performance.now(); act(); await Promise.resolve(); const busy = document.querySelectorAll('#charts > .card.busy').length; const end = await until(() => !document.querySelectorAll('#charts > .card.busy').length); return { busy, ms: end - start }; };
}
const browser = await launch();
async function visit(url, known) {
  const context = known ?? await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(url, { waitUntil: 'commit' });
  const [one, all] = await page.evaluate(() => window.benchFirst);
  return { page, one, all, close: () => (known ? page : context).close() };
}

console.log('\nfirst paint with data (empty browser cache, from navigation to the frame behind the last drawn card)');
{
  const cold = { one: [], all: [] };
  for (let i = 0; i < 5; i++) {
    const server = await serve();
    const v = await visit(`${server.url}/overview`);
    cold.one.push(v.one), cold.all.push(v.all);
    await v.close();
    await server.stop();
  }
  row('overview, server just started: the first card', cold.one);
  row('overview, server just started: every card', cold.all);
}
const server = await serve();
for (const board of ['overview', 'listening', 'music', 'users', 'pipeline']) {
  const one = [], all = [];
  for (let i = 0; i <= rounds; i++) {
    const v = await visit(`${server.url}/${board}`);
    if (i) one.push(v.one), all.push(v.all); // the first one fills the server's cache
    await v.close();
  }
  if (board === 'overview') row('overview: the first card', one, 300);
  row(`${board}: every card`, all, 300);
}
{
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' }), one = [], all = [];
  for (let i = 0; i < rounds + 3; i++) {
    const v = await visit(`${server.url}/overview`, context);
    if (i >= 3) one.push(v.one), all.push(v.all);
    await v.page.waitForTimeout(200);
    await v.close();
  }
  await context.close();
  row('overview, a browser that was here before: the first card', one, 300);
  row('overview, a browser that was here before: every card', all, 300);
}

console.log('\na filter is clicked → every chart that it touches is drawn anew (each value for the first time: no cache helps)');
const day = (i) => `2025-12-${String(1 + i).padStart(2, '0')}`;
const ids = sql(`select userId from listening_days group by userId order by sum(listen_count) desc limit ${rounds}`).map((r) => r.userId);
const states = sql(`select state from listening_days where state is not null group by state order by sum(listen_count) desc limit ${rounds}`).map((r) => r.state);
const put = (id) => (value) => `(() => { const f = document.querySelector('${id}'); f.value = '${value}'; f.dispatchEvent(new Event('change')); })`;
const press = (selector) => (i) => `(() => document.querySelectorAll('${selector}')[${i}].click())`;
const few = [...Array(rounds).keys()];
for (const [what, board, act, values] of [
  ['overview: from a date', 'overview', put('#from'), few.map(day)],
  ['overview: a user', 'overview', put('#user'), ids],
  ['overview: a state', 'overview', put('#state'), states],
  ['listening: a listener in the list', 'listening', press('#card-top_listeners ol button'), few.slice(0, 10)],
  ['listening: to a date', 'listening', put('#to'), few.map(day)],
  ['music: to a date', 'music', put('#to'), few.map(day)],
  ['music: level', 'music', put('#level'), ['paid', 'free']],
  ['music: a user (asks all listens)', 'music', put('#user'), ids],
  ['music: a state (asks all listens)', 'music', put('#state'), states],
]) {
  const v = await visit(`${server.url}/${board}`);
  const times = [];
  for (const value of values) {
    const { busy, ms } = await v.page.evaluate(`benchClick(${act(value)})`);
    if (!busy) throw new Error(`${what} ${value} touched nothing`);
    times.push(ms);
    await v.page.waitForTimeout(60);
  }
  row(what, times, 150);
  await v.close();
}
{
  // A table of events out of all of them, which do not fit into the queries' memory.
  const times = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now(), answer = await fetch(`${server.url}/api/v1/rows/overview/daily_listens?limit=${200 - i}`);
    if (answer.status !== 200) throw new Error(await answer.text());
    await answer.arrayBuffer();
    times.push(performance.now() - start);
  }
  row('the first 200 events behind all bars, and their number', times);
}
await server.stop();
if (process.env.ONLY === 'page') process.exit(missed ? 1 : 0);

console.log(`\n${rate} requests/s for ${seconds} s from ${clients} listeners of the feed (latency from the moment that the request was due)`);
{
  const one = await serve();
  const { boards } = await (await fetch(`${one.url}/api/v1/boards`)).json();
  const paths = ['/api/v1/status', '/api/v1/boards', '/healthz'];
  const some = { from: '2025-12-01', to: '2026-01-15', level: 'paid', day: '2026-01-10', user: ids[0], weekday: '5', search: 'love' };
  for (const b of boards) for (const c of b.charts) {
    paths.push(`/api/v1/data/${b.name}/${c.id}`);
    for (const f of c.filters) if (some[f]) paths.push(`/api/v1/data/${b.name}/${c.id}?${f}=${encodeURIComponent(some[f])}`);
  }
  const feeds = [];
  let beats = 0;
  for (let i = 0; i < clients; i++) feeds.push(await new Promise((done, no) => httpGet(`${one.url}/api/v1/events`, (a) => { a.on('data', () => beats++); a.on('error', () => {}); done(a); }).on('error', no)));
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const ask = (path) => new Promise((done) => { const r = httpGet(one.url + path, { agent, headers: { 'Accept-Encoding': 'gzip' } }, (a) => { a.resume(); a.on('end', () => done(a.statusCode)); }); r.on('error', () => done(0)); });
  const ticks = () => { const s = readFileSync(`/proc/${one.child.pid}/stat`, 'utf8').split(') ')[1].split(' '); return (Number(s[11]) + Number(s[12])) * 10; };
  // Every link once, as if the first visitor had just left; then the same links, and a share of new ones that nobody asked yet.
  for (const p of paths) await ask(p);
  for (const [name, fresh, limit] of [['links that somebody has open', 0, 20], ['1 in 20 is a link nobody asked before (a user on Overview)', 0.05]]) {
    const late = [], codes = new Map(), before = ticks(), all = [];
    let user = 1000;
    const start = performance.now();
    for (let i = 0; i < rate * seconds; i++) {
      const due = start + (i * 1000) / rate;
      const wait = due - performance.now();
      if (wait > 1) await new Promise((done) => setTimeout(done, wait));
      const path = fresh && i % Math.round(1 / fresh) === 0 ? `/api/v1/data/overview/daily_listens?user=${user++}` : paths[(i * 7) % paths.length];
      const from = Math.min(due, performance.now());
      all.push(ask(path).then((code) => { late.push(performance.now() - from); codes.set(code, (codes.get(code) ?? 0) + 1); }));
    }
    await Promise.all(all);
    const took = performance.now() - start;
    row(name, late, limit, 0.99);
    console.log(`  ${(all.length / took * 1000).toFixed(0)} a second, answers ${[...codes].map(([c, n]) => `${n} × ${c}`).join(', ')}, server ${((ticks() - before) / took * 100).toFixed(0)} % of a core, ${(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one.child.pid}/status`, 'utf8'))[1]) / 1024).toFixed(0)} MB; ${beats} pieces of news so far`);
    if ([...codes.keys()].some((c) => c !== 200)) missed++;
  }
  for (const f of feeds) f.destroy();
  agent.destroy();
  await one.stop();
}
await browser.close();

console.log('');
const folder = fileURLToPath(new URL('../../src/serve/web/dist/assets', import.meta.url));
for (const end of ['.js.br', '.js.gz']) {
  const bytes = readdirSync(folder).filter((f) => f.endsWith(end)).reduce((s, f) => s + statSync(`${folder}/${f}`).size, 0);
  const bad = bytes > 250 * 1024;
  missed += bad;
  console.log(`JavaScript ${end.slice(4)}: ${(bytes / 1024).toFixed(0)} KB, wanted 250: ${bad ? 'NOT MET' : 'met'}`);
}
console.log(`load ${loadavg().map((l) => l.toFixed(1)).join(' ')}`);
process.exit(missed ? 1 : 0);
