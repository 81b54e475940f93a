import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { card, launch, news, number, open, serve, settled, sql, tableOf, work } from './lib.mjs';

let browser, server;
const mine = `${work}/boards`;
before(async () => {
  mkdirSync(mine, { recursive: true });
  server = await serve({ words: ['--console', '--dashboards', mine] });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
const at = (path) => server.url + path;
const close = (page) => page.context().close();

test('every board opens without an error and asks no other host', async () => {
  for (const board of ['overview', 'listening', 'music', 'users', 'pipeline', 'sql']) {
    const page = await open(browser, at(`/${board}`));
    assert.deepEqual(page.errors, [], board);
    assert.equal(await page.locator('.error').count(), 0, board);
    assert.equal(await page.locator('h1').count(), 1);
    for (const url of page.requests) assert.ok(url.startsWith(server.url) || url.startsWith('data:'), url);
    await close(page);
  }
});

test('numbers on the page are those of SQL', async () => {
  let page = await open(browser, at('/overview?days=7'));
  const [to] = sql("select cast(max(event_time) as date) as d from fact_page_view_events");
  const want = sql(`select sum(listen_count) as n, count(distinct userId) as u from listening_days where listen_date > strftime(date '${to.d}' - 7, '%Y-%m-%d')`)[0];
  assert.equal(number(await card(page, 'listens').locator('.value').getAttribute('title')), Number(want.n));
  assert.equal(number(await card(page, 'listeners').locator('.value').innerText()), Number(want.u));
  const days = sql(`select listen_date, sum(listen_count) as n from listening_days where listen_date > strftime(date '${to.d}' - 7, '%Y-%m-%d') group by 1 order by 1`);
  assert.deepEqual((await tableOf(page, 'daily_listens')).map((r) => [r[0], number(r[1])]), days.map((d) => [d.listen_date, Number(d.n)]));
  await close(page);
  page = await open(browser, at('/listening'));
  const mart = sql('select weekday, mean_listening_time from gold.weekday_mean_listening_time order by weekday');
  const shown = await tableOf(page, 'mean_listening_time');
  mart.forEach((m, i) => assert.ok(Math.abs(number(shown[i][1]) - m.mean_listening_time / 60) < 0.01 * number(shown[i][1]), `weekday ${i + 1}`));
  await close(page);
  page = await open(browser, at('/music'));
  const top = sql('select play_count from gold.top_songs_by_play_count where position <= 10 order by position');
  const counts = await card(page, 'top_songs').locator('ol .row > span:nth-child(2)').allInnerTexts();
  assert.ok(counts.every((c, i) => number(c) >= Number(top[i].play_count)), 'silver may be ahead of gold by the news of other tests');
  await close(page);
});

test('the rows behind a bar add up to the bar', async () => {
  const page = await open(browser, at('/overview?day=2025-11-05'));
  const bar = (await tableOf(page, 'daily_listens')).find((r) => r[0] === '2025-11-05');
  await card(page, 'daily_listens').locator('.strip button').click();
  await page.locator('#dialog table').waitFor();
  const title = await page.locator('#dialog h2').innerText();
  assert.equal(number(/: ([\d,]+) events/.exec(title)[1]), number(bar[1]));
  const csv = await (await fetch(at('/api/v1/rows/overview/daily_listens?day=2025-11-05&format=csv'))).text();
  assert.equal(csv.trim().split('\r\n').length - 1, number(bar[1]));
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'events');
  await close(page);
});

test('a click filters, the same click undoes, the back button too, and only touched charts ask again', async () => {
  const page = await open(browser, at('/listening'));
  page.requests.length = 0;
  await card(page, 'top_listeners').locator('ol button').first().click();
  await settled(page);
  const user = new URL(page.url()).searchParams.get('user');
  assert.ok(user);
  const asked = page.requests.map((u) => new URL(u).pathname).filter((p) => p.startsWith('/api/')).map((p) => p.split('/').at(-1)).sort();
  assert.deepEqual(asked, ['daily_user_listen_counts', 'mean_listening_time', 'states']);
  const sum = (await tableOf(page, 'daily_user_listen_counts')).reduce((s, r) => s + number(r[1]), 0);
  assert.equal(sum, Number(sql(`select sum(listen_count) as n from listening_days where userId = ${user}`)[0].n));
  await page.goBack();
  await page.waitForFunction(() => !new URLSearchParams(location.search).get('user') || !location.search);
  await page.goForward();
  await settled(page);
  await card(page, 'top_listeners').locator('ol button[aria-pressed="true"]').click();
  assert.equal(new URL(page.url()).searchParams.get('user'), null);
  await close(page);
});

test('the link is the view, relative ranges stay relative', async () => {
  const page = await open(browser, at('/overview'));
  await page.getByRole('button', { name: '30 d', exact: true }).click();
  await page.selectOption('#level', 'paid');
  await page.fill('#state', 'tx');
  await page.keyboard.press('Tab');
  await settled(page);
  const url = new URL(page.url());
  assert.equal(url.search, '?days=30&level=paid&state=TX');
  const value = await card(page, 'listens').locator('.value').innerText();
  const other = await open(browser, url.href);
  assert.equal(await card(other, 'listens').locator('.value').innerText(), value);
  assert.match(await other.locator('#summary').innerText(), /last 30 days.*level paid.*state TX/);
  await other.click('#reset');
  assert.equal(new URL(other.url()).search, '');
  await close(other);
  await page.fill('#from', '2025-11-10');
  await page.locator('#from').dispatchEvent('change');
  await settled(page);
  assert.match(page.url(), /from=2025-11-10/);
  await close(page);
});

test('keyboard: values are spoken, table, SQL, filter, help', async () => {
  const page = await open(browser, at('/overview'));
  const plot = card(page, 'daily_listens').locator('.plot');
  await plot.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => document.querySelector('#speech').textContent);
  const n = sql("select sum(listen_count) as n from listening_days where listen_date = '2025-11-02'")[0].n;
  assert.equal(await page.locator('#speech').innerText(), `Sunday, 2 November 2025: ${Number(n).toLocaleString('en-GB')} listens`);
  await page.keyboard.press('Enter');
  assert.match(page.url(), /day=2025-11-02/);
  await page.keyboard.press('Enter');
  assert.doesNotMatch(page.url(), /day=/);
  await page.keyboard.press('t');
  assert.equal(await card(page, 'daily_listens').locator('.extra table caption').count(), 1);
  await page.keyboard.press('s');
  assert.match(await card(page, 'daily_listens').locator('.extra pre').innerText(), /listening_days/);
  await page.keyboard.press('s');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'user');
  await page.keyboard.type('d12');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light', 'no shortcut acts while typing');
  await page.locator('h1').click();
  await page.keyboard.press('d');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.keyboard.press('?');
  assert.ok(await page.locator('#dialog').isVisible());
  await page.keyboard.press('Escape');
  const list = await open(browser, at('/music'));
  await card(list, 'top_songs').locator('ol button').first().focus();
  await list.keyboard.press('ArrowDown');
  assert.equal(await list.evaluate(() => document.activeElement.dataset.rank), '1');
  await close(list);
  await close(page);
});

test('axe finds nothing serious, in both themes, on every board', async () => {
  const axe = readFileSync(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  for (const colorScheme of ['light', 'dark'])
    for (const path of colorScheme === 'dark' ? ['/overview?day=2025-11-05', '/music?search=a'] : ['/overview?day=2025-11-05', '/listening?days=30&open=mean_listening_time:table', '/music?search=a', '/users', '/pipeline', '/sql']) {
      const page = await open(browser, at(path), { colorScheme, bypassCSP: true });
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
      const bad = found.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
      assert.deepEqual(bad.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].failureSummary}`), [], `${colorScheme} ${path}`);
      await close(page);
    }
});

test('ten updates keep zoom, focus, scroll, an open table with its order, and filters', async () => {
  const page = await open(browser, at('/music?level=paid&open=top_songs:table'));
  const box = card(page, 'top_songs');
  await box.locator('.extra thead button').first().click();
  const input = box.locator('.extra input[type=search]');
  await input.fill('a');
  await box.locator('.extra .scroll').evaluate((n) => (n.scrollTop = 60));
  await page.evaluate(() => scrollTo(0, 150));
  const before = await page.evaluate(() => ({ y: scrollY, first: document.querySelector('#card-top_songs .extra tbody').innerText.slice(0, 20) }));
  let answers = 0;
  page.on('response', (r) => r.url().includes('/data/music/top_songs') && answers++);
  for (let i = 0; i < 10; i++) {
    const had = answers;
    news();
    while (answers === had) await page.waitForTimeout(50);
  }
  await settled(page);
  assert.ok(answers >= 10);
  const now = await page.evaluate(() => ({ y: scrollY, first: document.querySelector('#card-top_songs .extra tbody').innerText.slice(0, 20) }));
  assert.deepEqual(now, before);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Search the rows of Top Songs by Play Count');
  assert.equal(await input.inputValue(), 'a');
  assert.equal(await box.locator('.extra .scroll').evaluate((n) => n.scrollTop), 60);
  assert.equal(await box.locator('th[aria-sort]').count(), 1);
  assert.match(page.url(), /level=paid/);
  await close(page);
});

test('a hidden tab asks nothing; one refresh when it is shown', async () => {
  const page = await open(browser, at('/music'));
  const show = (state) => page.evaluate((s) => { Object.defineProperty(document, 'hidden', { value: s, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }, state);
  await show(true);
  page.requests.length = 0;
  news();
  news();
  await page.waitForTimeout(1500);
  assert.deepEqual(page.requests, []);
  await show(false);
  await page.waitForResponse((r) => r.url().includes('/data/music/top_songs'));
  await settled(page);
  assert.equal(page.requests.filter((u) => u.includes('/data/music/top_songs')).length, 1);
  await close(page);
});

test('stale, lost and regained are said, and the charts stay', async () => {
  const one = await serve();
  const port = Number(new URL(one.url).port);
  const page = await open(browser, `${one.url}/overview`);
  one.child.kill('SIGSTOP');
  await page.waitForSelector('#live[data-state="stale"]', { timeout: 20000 });
  assert.match(await page.locator('#live').innerText(), /No news for \d+ s/);
  assert.match(await card(page, 'daily_listens').locator('.age').getAttribute('class'), /stale/);
  one.child.kill('SIGCONT');
  await page.waitForSelector('#live[data-state="live"]', { timeout: 10000 });
  await one.stop('SIGKILL');
  await page.waitForSelector('#live[data-state="lost"]');
  assert.match(await page.locator('#banner').innerText(), /Connection lost/);
  assert.ok(await card(page, 'daily_listens').locator('svg path').count());
  const again = await serve({ port });
  await page.waitForSelector('#live[data-state="live"]', { timeout: 40000 });
  await settled(page);
  assert.ok(await page.locator('#banner').isHidden());
  await close(page);
  await again.stop();
});

test('before any data, an empty answer, a failing chart', async () => {
  const none = await serve({ folder: `${work}/nothing` });
  let page = await open(browser, none.url);
  await page.waitForSelector('#banner:not([hidden])');
  assert.match(await page.locator('#banner').innerText(), /lakefm .*demo|lakefm demo/);
  await close(page);
  await none.stop();
  page = await open(browser, at('/overview?user=999999999'));
  assert.match(await card(page, 'daily_listens').innerText(), /Nothing here for user 999999999/);
  await card(page, 'daily_listens').getByRole('button', { name: 'Show everything' }).click();
  await settled(page);
  assert.equal(await card(page, 'daily_listens').locator('.plot').count(), 1);
  await page.route('**/data/overview/active_users*', (r) => r.fulfill({ status: 500, json: { error: { code: 'x', message: 'it broke' } } }));
  await page.keyboard.press('r');
  await card(page, 'active_users').locator('.error').waitFor();
  assert.equal(await card(page, 'daily_listens').locator('.plot').count(), 1, 'the others go on');
  await page.unroute('**/data/overview/active_users*');
  await card(page, 'active_users').getByRole('button', { name: 'Try again' }).click();
  await card(page, 'active_users').locator('.plot').waitFor();
  await close(page);
});

test('one’s own board appears without a restart; its mistake is shown with file and line', async () => {
  const page = await open(browser, at('/overview'));
  writeFileSync(`${mine}/own.yml`, 'title: My own\ncharts:\n  - id: a\n    title: Levels\n    kind: ranked\n    x: level\n    y: n\n    sql: select level, count(*) as n from fact_listen_events group by level order by n desc\n');
  await page.getByRole('link', { name: 'My own' }).click({ timeout: 5000 });
  await card(page, 'a').locator('ol li').nth(1).waitFor();
  writeFileSync(`${mine}/own.yml`, 'title: My own\ncharts:\n  - id: a\n    title: Levels\n    kind: rankd\n    sql: select 1\n');
  await page.locator('pre.error').waitFor({ timeout: 5000 });
  assert.match(await page.locator('pre.error').innerText(), /own\.yml:5.*/);
  await close(page);
});

test('the viewer’s zone: hours are shifted, days stay UTC, and the page says so', async () => {
  const utc = await open(browser, at('/listening'));
  const page = await open(browser, at('/listening?zone=Asia/Tokyo'), { timezoneId: 'Asia/Tokyo' });
  assert.match(await page.locator('#summary').innerText(), /hours in Asia\/Tokyo, days in UTC/);
  const total = (rows, day, hour) => number(rows.find((r) => r[0] === String(day) && r[1] === String(hour))?.[2] ?? '0');
  const a = await tableOf(utc, 'heatmap'), b = await tableOf(page, 'heatmap');
  for (const [day, hour] of [[1, 3], [3, 20], [7, 23]]) {
    const there = (((day - 1) * 24 + hour + 9) % 168);
    assert.equal(total(a, day, hour), total(b, Math.floor(there / 24) + 1, there % 24));
  }
  assert.match(await card(page, 'heatmap').innerText(), /Hours in Asia\/Tokyo/);
  assert.match(await card(page, 'mean_listening_time').innerText(), /Days stay UTC/);
  const half = await open(browser, at('/listening?zone=Asia/Kolkata'));
  assert.match(await card(half, 'heatmap').innerText(), /Hours in UTC: Asia\/Kolkata is not a whole number of hours away/);
  for (const p of [utc, page, half]) await close(p);
});

test('the unfinished day is striped and out of the mean and the record', async () => {
  const page = await open(browser, at('/overview?to=2025-12-01'));
  const days = (await tableOf(page, 'daily_listens')).map((r) => [r[0], number(r[1])]).filter((d) => d[0] < '2025-12-01');
  const best = Math.max(...days.map((d) => d[1])), mean = Math.round(days.reduce((s, d) => s + d[1], 0) / days.length);
  assert.match(await card(page, 'daily_listens').innerText(), new RegExp(`Highest .* with ${best.toLocaleString('en-GB')}; the last day is not over`));
  assert.ok((await card(page, 'daily_listens').locator('.plot svg').innerHTML()).includes(`mean ${mean.toLocaleString('en-GB')}`));
  assert.ok(await card(page, 'daily_listens').locator('.plot svg pattern').count());
  await close(page);
});

test('print: every card whole, range and time on top', async () => {
  const page = await open(browser, at('/listening?days=30'), { colorScheme: 'dark' });
  const file = `${work}/print.pdf`;
  writeFileSync(file, await page.pdf({ format: 'A4', printBackground: true }));
  const text = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' });
  for (const words of ['Daily User Listen Counts', 'Mean Listening Time by Weekday', 'Weekday by hour', 'Who listens most', 'Listens by state', 'last 30 days', 'data of', 'mean ', ' Nov', 'Sun'])
    assert.ok(text.includes(words), `${words} is missing:\n${text.slice(0, 3000)}`);
  assert.ok(!text.includes('Show the events'));
  await close(page);
});

test('downloads: CSV, Parquet, SVG, PNG', async () => {
  const page = await open(browser, at('/overview'));
  await card(page, 'daily_listens').getByRole('button', { name: /Download/ }).click();
  for (const [name, start] of [['CSV', 'listen_date,listens'], ['Parquet', 'PAR1'], ['SVG', '<svg'], ['PNG', '\x89PNG']]) {
    const [got] = await Promise.all([page.waitForEvent('download'), card(page, 'daily_listens').locator('.extra').getByText(name, { exact: true }).click()]);
    assert.ok(readFileSync(await got.path()).toString('latin1').startsWith(start), name);
  }
  await close(page);
});

test('no horizontal scrolling from 320 px up, and no figure cut', async () => {
  for (const [width, boards] of [[320, ['overview', 'listening', 'music', 'users', 'pipeline']], [768, ['overview', 'pipeline']], [2200, ['overview']]])
    for (const board of boards) {
      const page = await open(browser, at(`/${board}?day=2025-11-05`), { viewport: { width, height: 800 } });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${board} at ${width}`);
      await close(page);
    }
});

test('the console: a result, a plan, completion, history; nothing but one SELECT', async () => {
  const page = await open(browser, at('/sql'));
  const area = page.locator('textarea');
  await area.fill('select count(*) as n from fact_auth_eve');
  await area.press('End');
  await page.waitForFunction(() => document.querySelector('details p'), null, {}); // names have come
  await area.press('s'), await area.press('Backspace');
  await area.press('Tab');
  assert.match(await area.inputValue(), /fact_auth_events$/);
  await area.press('Control+Enter');
  await page.locator('tbody th').waitFor();
  assert.equal(await page.locator('tbody th').innerText(), '861');
  await page.getByRole('button', { name: 'Plan' }).click();
  await page.locator('pre[aria-label="Plan"]').waitFor();
  for (const bad of ['drop table fact_auth_events', 'select 1; select 2', "select * from read_text('/etc/passwd')", "copy (select 1) to '/tmp/x.csv'", "set memory_limit='1GB'", 'attach \'/tmp/x.db\'']) {
    await area.fill(bad);
    await area.press('Control+Enter');
    await page.locator('pre.error').waitFor();
    await page.evaluate(() => document.querySelector('pre.error').remove());
  }
  await close(page);
});
