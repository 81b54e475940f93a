// What the tests share: a server of their own, a browser, SQL on the same lake.
import { chromium } from 'playwright-core';
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

const { LAKEFM, LAKE, WORK, CHROMIUM } = process.env;
export const work = WORK, lake = LAKE;

export const lakefm = (...words) => execFileSync(LAKEFM, ['--lake', LAKE, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
export function sql(text) {
  const [head, ...rows] = lakefm('sql', '--format', 'csv', '-c', text).trim().split(/\r?\n/);
  return rows.map((r) => Object.fromEntries(r.split(',').map((v, i) => [head.split(',')[i], v])));
}
export function serve({ words = [], port = 0, env = {}, folder = LAKE } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(LAKEFM, ['--json', '--lake', folder, 'serve', '--set', `serve.port=${port}`, ...words], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', err = '';
    child.stderr.on('data', (d) => (err += d));
    child.stdout.on('data', (d) => {
      out += d;
      if (!out.includes('\n')) return;
      const url = JSON.parse(out).url.replace(/\/$/, '');
      resolve({ url, child, stop: (signal = 'SIGTERM') => new Promise((done) => { child.once('exit', done); child.kill(signal); }) });
    });
    child.once('exit', (code) => reject(Object.assign(new Error(`serve ended with ${code}: ${err}${out}`), { code })));
  });
}
export const launch = () => chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
// A page whose errors fail the test that looks at page.errors.
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', ...options });
  const page = await context.newPage();
  page.errors = [];
  page.requests = [];
  page.on('pageerror', (e) => page.errors.push(e.message));
  page.on('console', (m) => m.type() === 'error' && page.errors.push(m.text()));
  page.on('request', (r) => page.requests.push(r.url()));
  await page.goto(url);
  await settled(page);
  return page;
}
export const settled = (page) => page.waitForFunction(() => {
  const cards = [...document.querySelectorAll('#charts > .card[id]')];
  return document.querySelector('#charts').children.length && cards.every((c) => !c.classList.contains('busy') && (c.querySelector('.age').textContent || c.querySelector('.error')));
}, null, { timeout: 15000 });
export const card = (page, id) => page.locator(`#card-${id}`);
// The rows of a card's table, as texts.
export async function tableOf(page, id) {
  if (!(await card(page, id).locator('.extra table').count())) await card(page, id).getByRole('button', { name: /Rows as a table/ }).click();
  return card(page, id).locator('.extra tbody tr').evaluateAll((rows) => rows.map((r) => [...r.cells].map((c) => c.innerText)));
}
export const number = (text) => Number(text.replace(/[, ]/g, ''));
// One more listen of a user who is known, in the log's last hours: news for open pages.
let fresh = 0;
export function news() {
  const line = JSON.parse(readFileSync(`${WORK}/listen_events.json`, 'utf8').split('\n')[50000]);
  line.sessionId = 900000 + ++fresh + process.pid * 1000;
  const file = `${WORK}/news-${process.pid}-${fresh}.json`;
  writeFileSync(file, '');
  appendFileSync(file, `${JSON.stringify(line)}\n`);
  lakefm('ingest', '--topic', 'listen_events', file);
  lakefm('refine');
}
