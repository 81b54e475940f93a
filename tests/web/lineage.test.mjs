// The lineage page: `lakefm docs serve` on a dbt project with a test that fails, and /lineage of a lake's page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { launch, serve, work } from './lib.mjs';

const project = `${work}/bookshop`, { LAKEFM } = process.env;
const words = ['--project-dir', project, '--profiles-dir', project];
const artifact = (name) => JSON.parse(readFileSync(`${project}/target/${name}.json`, 'utf8'));
let browser, server, url;
before(async () => {
  cpSync('../dbt/conformance/bookshop/project', project, { recursive: true });
  const orders = `${project}/seeds/raw_orders.csv`;
  writeFileSync(orders, readFileSync(orders, 'utf8').replace(/^1,6,2024-06-12,shipped$/m, '1,6,2024-06-12,eaten'));
  writeFileSync(`${project}/models/evil.sql`, "{{ config(description='<img src=x onerror=document.title=1>') }} select '<b id=\"evil\">x</b>' as \"<i>col</i>\" from {{ ref('fct_orders') }}");
  assert.equal(spawnSync(LAKEFM, ['build', ...words], { cwd: project }).status, 1, 'one test fails');
  browser = await launch();
  server = spawn(LAKEFM, ['--json', 'docs', 'serve', '--port', '0', ...words], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  url = await new Promise((resolve, reject) => {
    let out = '';
    server.stdout.on('data', (d) => {
      const found = /^\{"url":"(.*)\/"\}$/m.exec((out += d));
      if (found) resolve(found[1]);
    });
    server.once('exit', (code) => reject(new Error(`it ended with ${code}: ${out}`)));
  });
});
after(async () => {
  await browser?.close();
  server?.kill('SIGINT');
});

async function open(address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', ...options });
  const page = await context.newPage();
  page.errors = [];
  page.asked = [];
  page.on('pageerror', (e) => page.errors.push(e.message));
  page.on('console', (m) => m.type() === 'error' && page.errors.push(m.text()));
  page.on('request', (r) => page.asked.push(r.url()));
  await page.goto(address);
  await page.waitForSelector('body[data-ready]');
  return page;
}
const close = (page) => page.context().close();
const inGraph = (page, id) => page.locator(`#graph [data-id="${id}"]`);
const rows = (page) => page.locator('#columns tbody tr').evaluateAll((all) => all.map((r) => [...r.cells].map((c) => c.innerText)));

test('a node: its SQL, columns, tests and neighbours are those of the artifacts', async () => {
  const page = await open(`${url}/`);
  const id = 'model.bookshop.stg_orders', node = artifact('manifest').nodes[id];
  await page.locator('#graph').getByRole('button', { name: /^stg_orders, view · 6 columns · 3 tests, tests: 1 failed, 2 passed/ }).click();
  assert.equal(await page.locator('#details h2').innerText(), 'stg_orders');
  assert.equal(new URL(page.url()).hash, `#${id}`);
  const columns = Object.values(artifact('catalog').nodes[id].columns).sort((a, b) => a.index - b.index);
  assert.ok(columns.length >= 5);
  assert.deepEqual((await rows(page)).map((r) => r.slice(0, 2)), columns.map((c) => [c.name, c.type]));
  assert.equal(await page.locator('#sql pre').textContent(), node.raw_code.trim());
  await page.getByRole('button', { name: 'Compiled' }).click();
  assert.equal(await page.locator('#sql pre').textContent(), node.compiled_code.trim());
  assert.match(await page.locator('#sql pre').textContent(), /"raw_orders"/);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Compiled');
  const failed = page.locator('#tests > li').first();
  assert.match(await failed.innerText(), /fail\s+status: accepted_values/);
  assert.match(await failed.innerText(), /1 row/);
  assert.deepEqual(await page.locator('#tests .state').allInnerTexts(), ['✕ fail', '✓ pass', '✓ pass']);
  assert.deepEqual(await page.locator('.near').first().getByRole('button').allInnerTexts(), ['raw_orders', 'fct_orders', 'sales_by_month']);
  assert.deepEqual(page.errors, []);
  for (const asked of page.asked) assert.ok(asked.startsWith(`${url}/`), asked);
  await close(page);
});

test('the graph: every node and edge, from left to right, what is upstream and downstream stands out', async () => {
  const page = await open(`${url}/lineage#model.bookshop.fct_orders`);
  const m = artifact('manifest'), ids = [...Object.values(m.nodes).filter((n) => n.resource_type !== 'test'), ...Object.values(m.sources), ...Object.values(m.exposures)].map((n) => n.unique_id);
  const places = await page.locator('#graph .node').evaluateAll((all) => all.map((g) => [g.dataset.id, g.getBoundingClientRect().x, g.classList.contains('on')]));
  assert.deepEqual(places.map(([id]) => id).sort(), ids.sort());
  const x = new Map(places.map(([id, at]) => [id, at]));
  const edges = ids.flatMap((id) => m.parent_map[id].map((parent) => [parent, id]));
  assert.equal(await page.locator('#graph .edge').count(), edges.length);
  for (const [from, to] of edges) assert.ok(x.get(from) < x.get(to), `${from} → ${to}`);
  const reach = (id, map, found = new Set()) => map[id].reduce((s, next) => (s.has(next) || next.startsWith('test.') ? s : reach(next, map, s.add(next))), found);
  const near = [...reach('model.bookshop.fct_orders', m.parent_map), ...reach('model.bookshop.fct_orders', m.child_map)];
  assert.deepEqual(places.filter(([, , on]) => on).map(([id]) => id).sort(), near.sort());
  await page.getByRole('button', { name: 'Only its lineage' }).click();
  assert.equal(await page.locator('#graph .node').count(), near.length + 1);
  assert.equal(new URL(page.url()).search, '?only=1');
  await page.goBack();
  assert.equal(await page.locator('#graph .node').count(), ids.length);
  await close(page);
});

test('keyboard: search, list, arrows along the graph, Enter, Escape, back', async () => {
  const page = await open(`${url}/`);
  const focused = () => page.evaluate(() => document.activeElement.dataset.id);
  await page.keyboard.press('/');
  await page.keyboard.type('tag:staging PAYM');
  assert.deepEqual(await page.locator('#list button').allInnerTexts(), ['stg_payments']);
  assert.equal(await page.locator('#found').innerText(), '1 node of 17');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), 'model.bookshop.stg_payments');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#details h2').innerText(), 'stg_payments');
  await inGraph(page, 'model.bookshop.stg_payments').focus();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await focused(), 'seed.bookshop.raw_payments');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(), 'model.bookshop.fct_orders');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#details h2').innerText(), 'fct_orders');
  assert.equal(await focused(), 'model.bookshop.fct_orders', 'the focus stays in the graph');
  assert.equal(await page.locator('#graph [tabindex="0"]').count(), 1, 'one stop of Tab');
  assert.match(await page.locator('#speech').innerText(), /^fct_orders, table/);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#details h2').innerText(), 'Nothing selected');
  assert.match(await page.locator('#details').innerText(), /Failed or warned in the last run[^]*stg_orders[^]*1 failed/);
  await page.goBack();
  assert.equal(await page.locator('#details h2').innerText(), 'fct_orders');
  await close(page);
});

test("the project's texts are no markup", async () => {
  const page = await open(`${url}/#model.bookshop.evil`);
  assert.equal(await page.locator('#details img, #evil, #columns i').count(), 0);
  assert.match(await page.locator('#details').innerText(), /<img src=x onerror/);
  assert.match(await page.locator('#sql pre').textContent(), /<b id="evil">x<\/b>/);
  assert.deepEqual(page.errors, []);
  await close(page);
});

test('after docs generate no test counts as passed', async () => {
  const before = readFileSync(`${project}/target/run_results.json`);
  execFileSync(LAKEFM, ['docs', 'generate', ...words], { cwd: project });
  const page = await open(`${url}/#model.bookshop.stg_orders`);
  assert.deepEqual(await page.locator('#tests .state').allInnerTexts(), ['not run', 'not run', 'not run']);
  await close(page);
  writeFileSync(`${project}/target/run_results.json`, before);
});

test('axe finds nothing serious, in both themes; a narrow screen does not scroll sideways', async () => {
  const axe = readFileSync(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(`${url}/#model.bookshop.stg_orders`, { colorScheme });
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    const serious = found.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
    assert.deepEqual(serious.map((v) => [v.id, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary]), [], colorScheme);
    await close(page);
  }
  const page = await open(`${url}/#model.bookshop.fct_orders`, { viewport: { width: 360, height: 740 } });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
  await close(page);
});

test("a lake's page has its project at /lineage", async () => {
  const lake = await serve();
  const { nodes } = await (await fetch(`${lake.url}/api/v1/docs/manifest.json`)).json();
  const mart = Object.values(nodes).find((n) => n.name === 'weekday_mean_listening_time');
  const page = await open(`${lake.url}/lineage#${mart.unique_id}`);
  assert.equal(await page.locator('#details h2').innerText(), mart.name);
  assert.equal(await page.locator('#sql pre').textContent(), mart.raw_code.trim());
  assert.ok((await page.locator('.list, #list button').count()) > 10);
  for (const asked of page.asked) assert.ok(asked.startsWith(`${lake.url}/`), asked);
  await close(page);
  await lake.stop();
});
