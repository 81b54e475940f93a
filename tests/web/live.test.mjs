// How fresh, how fast, what was rejected; weeks, dates by drawing, news that waits. On lakes of their own.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { card, launch, number, open, serve, settled, tableOf, work } from './lib.mjs';

const folder = `${work}/live-lake`;
let browser, server;
const run = (lake, ...words) => execFileSync(process.env.LAKEFM, ['--lake', lake, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const ask = (text) => JSON.parse(run(folder, 'sql', '--format', 'json', '-c', text));
const lines = readFileSync(`${work}/listen_events.json`, 'utf8').trim().split('\n');
let files = 0;
// Listens of the sample as new sessions: `count` rows of news, then some lines as they are.
function bring(count, extra = []) {
  const file = `${work}/live-${process.pid}-${++files}.json`;
  const fresh = lines.slice(0, count).map((l) => { const o = JSON.parse(l); o.sessionId += 1e7 * files; return JSON.stringify(o); });
  writeFileSync(file, `${[...fresh, ...extra].join('\n')}\n`);
  run(folder, '-q', 'ingest', '--topic', 'listen_events', file);
  run(folder, '-q', 'refine');
}
const live = (page, name) => page.locator(`[data-live="${name}"]`);
const box = (page, name) => page.locator(`[data-box="${name}"]`);
const cells = (page, name) => box(page, name).locator('tbody tr').evaluateAll((rows) => rows.map((r) => [...r.cells].map((c) => c.innerText)));
const close = (page) => page.context().close();
const at = (path) => server.url + path;

before(async () => {
  execFileSync('cp', ['-r', process.env.LAKE, folder]);
  server = await serve({ folder });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('Overview says how old the newest event is and how many come in a second, and both move', async () => {
  const page = await open(browser, at('/overview'));
  const [{ ms }] = ask('select max(ts) as ms from (select max(ts) as ts from fact_listen_events union all select max(ts) from fact_page_view_events union all select max(ts) from fact_auth_events union all select max(ts) from fact_status_change_events)');
  const days = Math.round((Date.now() - Number(ms)) / 86400000);
  assert.match(await live(page, 'newest').innerText(), new RegExp(`${days} days\\s+of .*UTC`));
  const before = number(await live(page, 'rate').locator('.value').innerText());
  bring(6000);
  await page.waitForFunction((b) => Number(document.querySelector('[data-live="rate"] .value').innerText.replace(/,/g, '')) >= b + 60, before, { timeout: 10000 });
  const s = await (await fetch(at('/api/v1/status'))).json();
  const want = s.commits.filter((c) => c.time_ms > s.now_ms - 60000).reduce((n, c) => n + c.rows, 0) / 60;
  assert.ok(want >= 100 && Math.abs(number(await live(page, 'rate').locator('.value').innerText()) - want) <= want * 0.1, String(want));
  assert.match(await live(page, 'rate').innerText(), /events a second, last minute/);
  const future = { ...JSON.parse(lines[0]), ts: Date.now() - 3000, sessionId: 77777777 };
  bring(0, [JSON.stringify(future)]);
  await page.waitForFunction(() => /^\d+ s$/.test(document.querySelector('[data-live="newest"] .value').innerText), null, { timeout: 10000 });
  await close(page);
});

test('the rate falls to nothing, and then it says when the last events came', async () => {
  const page = await open(browser, at('/overview'));
  await page.evaluate(() => { const now = Date.now; Date.now = () => now() + 600000; });
  await page.waitForFunction(() => document.querySelector('[data-live="rate"] .value').innerText === '0', null, { timeout: 12000 });
  assert.match(await live(page, 'rate').innerText(), /last 1\d min ago/);
  await close(page);
});

test('Pipeline: duplicates and rejects by topic and reason are those of the log and of quarantine', async () => {
  const page = await open(browser, at('/pipeline'));
  const duplicates = () => live(page, 'duplicates').locator('.value').innerText().then(number);
  const had = await duplicates();
  bring(200, [...Array(7).fill(lines[3]), '{"ts": "no', '{"ts": 1761955200000}', 'not json at all']);
  await page.waitForFunction((n) => Number(document.querySelector('[data-live="duplicates"] .value').innerText.replace(/,/g, '')) === n, had + 7, { timeout: 10000 });
  const want = ask('select topic, reason, count(*) as n from quarantine.records group by topic, reason').map((r) => `${r.topic} ${r.reason} ${r.n}`).sort();
  assert.ok(want.length >= 2, want.join());
  await page.waitForFunction((n) => document.querySelectorAll('[data-box="reasons"] tbody tr').length === n, want.length, { timeout: 10000 });
  assert.deepEqual((await cells(page, 'reasons')).map((r) => `${r[0]} ${r[1]} ${number(r[2])}`).sort(), want);
  assert.equal(number(await live(page, 'rejects').locator('.value').innerText()), want.reduce((n, w) => n + Number(w.split(' ')[2]), 0));
  assert.match(await live(page, 'rejects').innerText(), /% of [\d,]+ read/);
  await close(page);
});

test('Pipeline: lag by partition where Kafka is read; elsewhere what waits for refine', async () => {
  let page = await open(browser, at('/pipeline'));
  assert.match(await box(page, 'lag').innerText(), /No Kafka is read by this server/);
  const file = `${work}/live-wait.json`;
  writeFileSync(file, `${lines.slice(0, 50).map((l) => { const o = JSON.parse(l); o.sessionId += 5e8; return JSON.stringify(o); }).join('\n')}\n`);
  run(folder, '-q', 'ingest', '--topic', 'listen_events', file);
  await page.waitForFunction(() => [...document.querySelectorAll('[data-box="lag"] tbody tr')].some((r) => r.cells[0].innerText === 'listen_events' && r.cells[2].innerText === '50'), null, { timeout: 10000 });
  await close(page);
  // What `lakefm run` writes to /metrics (src/cli/figures.c); a real broker is in tests/cluster.
  page = await browser.newPage();
  await page.route('**/metrics', (r) => r.fulfill({ contentType: 'text/plain', body: '# HELP lakefm_lag x\n# TYPE lakefm_lag gauge\nlakefm_lag{topic="listen_events",partition="10"} 5\nlakefm_lag{topic="listen_events",partition="2"} 1200\nlakefm_lag{topic="auth_events",partition="0"} 0\nlakefm_position{topic="listen_events",partition="2"} 88\nlakefm_position{topic="listen_events",partition="10"} 99\nlakefm_position{topic="auth_events",partition="0"} 7\n' }));
  await page.goto(at('/pipeline'));
  await settled(page);
  await page.waitForFunction(() => /1,205 records in Kafka are not read yet/.test(document.querySelector('[data-box="lag"]').innerText));
  assert.deepEqual(await cells(page, 'lag'), [['auth_events', '0', '7', '0'], ['listen_events', '2', '88', '1,200'], ['listen_events', '10', '99', '5']]);
  await page.close();
  run(folder, '-q', 'refine');
});

test('Pipeline: the audit’s last word, clean and not', async () => {
  const page = await open(browser, at('/pipeline'));
  assert.match(await box(page, 'audit').innerText(), /Not audited since/);
  await box(page, 'audit').getByRole('button', { name: 'Audit now' }).click();
  await page.waitForFunction(() => /^Clean: \d+ files, commit \d+/.test(document.querySelector('[data-box="audit"] .verdict').innerText), null, { timeout: 20000 });
  const other = await open(browser, at('/pipeline')); // the word is the server's, not the tab's
  assert.match(await box(other, 'audit').innerText(), /Clean:/);
  await close(other);
  const table = `${folder}/silver/fact_auth_events`;
  const date = readdirSync(table).filter((d) => d.startsWith('date=20')).sort()[0];
  const victim = `${table}/${date}/${readdirSync(`${table}/${date}`).find((f) => f.endsWith('.parquet'))}`;
  const whole = readFileSync(victim), spoilt = Buffer.from(whole);
  spoilt[Math.floor(spoilt.length / 2)] ^= 0xff;
  writeFileSync(victim, spoilt);
  await box(page, 'audit').getByRole('button', { name: 'Audit now' }).click();
  await page.waitForFunction((d) => { const t = document.querySelector('[data-box="audit"] .verdict').innerText; return !t.startsWith('Clean') && t.includes(d); }, date, { timeout: 20000 });
  writeFileSync(victim, whole);
  await close(page);
});

test('more than 180 days in view are weeks, and days again when zoomed in', async (t) => {
  const long = `${work}/long-lake`;
  if (!existsSync(long)) {
    run(long, '-q', 'simulate', '--streams', '--users', '40', '--seed', '3', '--from', '2025-01-01', '--to', '2025-09-10T12:00', '--into', long);
    run(long, '-q', 'refine');
    run(long, '-q', 'build');
  }
  const one = await serve({ folder: long });
  t.after(() => one.stop());
  const page = await open(browser, `${one.url}/overview`);
  const chart = card(page, 'daily_listens'), plot = chart.locator('.plot');
  const byWeek = JSON.parse(run(long, 'sql', '--format', 'json', '-c', "select cast(date_trunc('week', cast(listen_date as date)) as varchar) as w, sum(listen_count) as n from listening_days group by 1 order by 1"));
  const whole = byWeek.slice(1, -1); // 1 January 2025 was a Wednesday, 10 September is one
  const best = Math.max(...whole.map((w) => Number(w.n)));
  assert.match(await chart.innerText(), new RegExp(`By week, as more than 180 days are in view. Highest week of .* with ${best.toLocaleString('en-GB')}; striped weeks are not whole`));
  await plot.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction((t) => document.querySelector('#speech').textContent === t, `Week of Monday, 6 January 2025: ${Number(whole[0].n).toLocaleString('en-GB')} listens`);
  await page.keyboard.press('Enter'); // the week's days, in the link
  await settled(page);
  assert.deepEqual([new URL(page.url()).searchParams.get('from'), new URL(page.url()).searchParams.get('to')], ['2025-01-06', '2025-01-12']);
  assert.doesNotMatch(await chart.innerText(), /By week/);
  assert.equal((await tableOf(page, 'daily_listens')).length, 7);
  await page.goBack();
  await settled(page);
  assert.match(await chart.innerText(), /By week/);
  const area = await plot.boundingBox();
  await page.mouse.move(area.x + area.width / 2, area.y + 60);
  await page.keyboard.down('Control');
  for (let i = 0; i < 12; i++) { await page.mouse.wheel(0, -240); await page.waitForTimeout(40); }
  await page.keyboard.up('Control');
  await page.waitForFunction(() => !/By week/.test(document.querySelector('#card-daily_listens').innerText), null, { timeout: 5000 });
  await page.mouse.dblclick(area.x + area.width / 2, area.y + 60);
  await page.waitForFunction(() => /By week/.test(document.querySelector('#card-daily_listens').innerText), null, { timeout: 5000 });
  await close(page);
});

test('days drawn over are the date filter in the link; by keys too', async () => {
  const page = await open(browser, at('/overview?to=2025-11-30'));
  const plot = card(page, 'daily_listens').locator('.plot');
  const area = await plot.boundingBox();
  await page.mouse.move(area.x + area.width * 0.3, area.y + 80);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * 0.45, area.y + 90, { steps: 5 });
  const words = await plot.locator('.brush-days').innerText();
  await page.keyboard.press('Escape');
  assert.equal(await plot.locator('.brush').count(), 0);
  await page.mouse.up();
  assert.equal(new URL(page.url()).search, '?to=2025-11-30', 'Escape leaves all as it was');
  await page.mouse.move(area.x + area.width * 0.3, area.y + 80);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * 0.45, area.y + 90, { steps: 5 });
  await page.mouse.up();
  await settled(page);
  let q = new URL(page.url()).searchParams;
  const from = q.get('from'), to = q.get('to');
  assert.match(from, /^2025-11-\d\d$/);
  assert.ok(from < to, `${from} ${to}`);
  assert.equal(words, `${Number(from.slice(8))} Nov – ${Number(to.slice(8))} Nov`);
  const [{ n }] = ask(`select sum(listen_count) as n from listening_days where listen_date between '${from}' and '${to}'`);
  assert.equal(number(await card(page, 'listens').locator('.value').getAttribute('title')), Number(n));
  await page.goBack();
  await settled(page);
  assert.equal(new URL(page.url()).search, '?to=2025-11-30');
  await plot.focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowRight');
  await page.waitForFunction(() => /^1 Nov – 4 Nov: Enter/.test(document.querySelector('#speech').textContent));
  await page.keyboard.press('Enter');
  await settled(page);
  q = new URL(page.url()).searchParams;
  assert.deepEqual([q.get('from'), q.get('to'), q.get('day')], ['2025-11-01', '2025-11-04', null]);
  // A click without a way is still a click on the bar.
  await page.goBack();
  await settled(page);
  await page.mouse.click(area.x + area.width * 0.5, area.y + area.height - 60);
  await page.waitForFunction(() => new URLSearchParams(location.search).get('day'));
  await close(page);
});

test('news waits while somebody drags or reads a tooltip', async () => {
  const held = await open(browser, at('/overview?to=2025-11-30'));
  const asked = () => held.requests.filter((u) => u.includes('/data/overview/daily_listens')).length;
  const area = await card(held, 'daily_listens').locator('.plot').boundingBox();
  const build = async () => { bring(5); await promisify(execFile)(process.env.LAKEFM, ['--lake', folder, '-q', 'build']); }; // not Sync: the pointer must go on moving
  const told = () => held.waitForResponse((r) => r.url().includes('/data/overview/listens'), { timeout: 15000 }); // figures do not wait
  await held.mouse.move(area.x + area.width * 0.3, area.y + 80);
  await held.mouse.down();
  await held.mouse.move(area.x + area.width * 0.4, area.y + 80, { steps: 4 });
  let had = asked();
  await Promise.all([told(), build()]);
  await held.waitForTimeout(3500);
  assert.equal(asked(), had, 'asked while it was dragged');
  assert.equal(await card(held, 'daily_listens').locator('.brush').count(), 1, 'the drawing is gone');
  await held.keyboard.press('Escape');
  await Promise.all([held.waitForResponse((r) => r.url().includes('/data/overview/daily_listens')), held.mouse.up(), held.mouse.move(10, 10)]);
  await settled(held);
  // Reading: the pointer moves over the bars.
  had = asked();
  let reading = true;
  const reader = (async () => { for (let i = 0; reading; i++) { await held.mouse.move(area.x + area.width * 0.5 + (i % 5), area.y + 80); await held.waitForTimeout(200); } })();
  await held.waitForTimeout(300);
  await Promise.all([told(), build()]);
  await held.waitForTimeout(1000);
  assert.equal(asked(), had, 'asked under the tooltip');
  reading = false;
  await reader;
  await held.waitForResponse((r) => r.url().includes('/data/overview/daily_listens'), { timeout: 6000 });
  await settled(held);
  await close(held);
});

test('a user who does not exist: the field says so, the page stays', async () => {
  const page = await open(browser, at('/overview'));
  const value = await card(page, 'listens').locator('.value').innerText();
  await page.fill('#user', '987654321');
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => document.querySelector('#user-note').innerText === 'There is no user 987654321');
  assert.equal(await page.locator('#user').getAttribute('aria-invalid'), 'true');
  assert.equal(new URL(page.url()).search, '');
  assert.equal(await card(page, 'listens').locator('.value').innerText(), value);
  await page.fill('#user', 'bob');
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => document.querySelector('#user-note').innerText === 'A user id is a number');
  const [{ u }] = ask('select min(userId) as u from listening_days');
  await page.fill('#user', String(u));
  await page.keyboard.press('Tab');
  await page.waitForFunction((id) => new URLSearchParams(location.search).get('user') === id, String(u));
  await settled(page);
  assert.equal(await page.locator('#user-note').innerText(), '');
  assert.equal(await page.locator('#user').getAttribute('aria-invalid'), 'false');
  await close(page);
  const linked = await open(browser, at('/overview?user=987654321'));
  await linked.waitForFunction(() => document.querySelector('#user-note').innerText === 'There is no user 987654321');
  await linked.click('#reset');
  await settled(linked);
  assert.equal(await linked.locator('#user-note').innerText(), '');
  await close(linked);
});

test('weekday filters use no dialect’s own function, and mean ISO weekdays', async () => {
  const { boards } = await (await fetch(at('/api/v1/boards'))).json();
  let seen = 0;
  const dashboards = new URL('../../dashboards/', import.meta.url);
  for (const file of readdirSync(dashboards)) {
    const text = readFileSync(new URL(file, dashboards), 'utf8');
    assert.doesNotMatch(text, /isodow|dayofweek|day_of_week|date_part|extract\s*\(/i, file);
    for (const clause of text.match(/\[\[and [^\]]*\{\{weekday\}\}[^\]]*\]\]/g) ?? []) if (/\bts\b/.test(clause)) {
      seen++;
      const term = clause.replace(/^\[\[and /, '').replace(/ = cast\(\{\{weekday\}\} as int\)\]\]$/, '');
      const [{ wrong, n }] = ask(`select count(*) filter (where ${term} <> isodow(event_time)) as wrong, count(*) as n from fact_listen_events`);
      assert.ok(Number(wrong) === 0 && Number(n) > 1000, `${file}: ${clause}`);
    }
  }
  assert.ok(seen >= 4 && boards.length >= 5);
});
