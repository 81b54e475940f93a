// What the commit log and a running pipeline say: how fresh, how fast (Overview, Pipeline), and the Pipeline's own tables.
import { get } from './api.js';
import { el, say } from './dom.js';
import { ago, brief, clock, dayShort, exact, isoDay } from './format.js';
import { table } from './table.js';
import { view } from './view.js';

const WINDOW_MS = 60000;
// The newest event in silver, or null.
export function newestEvent(status) {
  const marks = (status?.tables ?? []).map((t) => t.watermark_ms).filter((m) => m !== null && m !== undefined);
  return marks.length ? Math.max(...marks) : null;
}
// Rows that commits brought to silver a second, over the last minute; the log's page holds 30 commits, which may be less.
export function eventRate(status, now) {
  const brought = (status?.commits ?? []).filter((c) => c.rows > 0);
  const last = brought[0] ?? null, all = status?.commits ?? [];
  const begin = Math.max(now - WINDOW_MS, all.length >= 29 ? all.at(-1).time_ms : 0);
  const rows = brought.filter((c) => c.time_ms > begin).reduce((s, c) => s + c.rows, 0);
  return { perSecond: rows / Math.max(1, (now - begin) / 1000), last };
}
// The gauges of Kafka's partitions out of /metrics; [] when no Kafka is read here.
export function lagOf(text) {
  const found = new Map();
  for (const [, what, topic, partition, value] of text.matchAll(/^lakefm_(lag|position)\{topic="([^"]*)",partition="(\d+)"\} (-?\d+)$/gm)) {
    const key = `${topic}/${partition}`;
    found.set(key, { topic, partition: Number(partition), ...found.get(key), [what]: Number(value) });
  }
  return [...found.values()].sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition));
}

const share = (part, whole) => (whole ? `${((100 * part) / whole).toLocaleString('en-GB', { maximumSignificantDigits: 2 })} % of ${exact(whole)} read` : 'nothing read yet');
const sum = (list, of) => list.reduce((a, x) => a + of(x), 0);
const rejected = (c) => Object.values(c.quarantined).reduce((a, b) => a + b, 0);
const wording = {
  newest: ['Age of newest event', (s, now) => {
    const at = newestEvent(s), zone = view.zone || 'UTC';
    return at === null ? ['–', 'no events yet'] : [ago(now - at), `of ${dayShort(isoDay(at))}, ${clock(at, 'UTC').slice(0, 5)} UTC`, `${clock(at, zone)} in ${zone}`];
  }],
  rate: ['Coming in', (s, now) => {
    const { perSecond, last } = eventRate(s, now);
    return [brief(perSecond >= 10 ? Math.round(perSecond) : Math.round(perSecond * 10) / 10), perSecond > 0 ? 'events a second, last minute' : last ? `events a second; last ${ago(now - last.time_ms)} ago` : 'events a second; none yet'];
  }],
  duplicates: ['Duplicates', (s) => { const n = sum(s?.counts ?? [], (c) => c.duplicates); return [brief(n), `dropped: ${share(n, sum(s?.counts ?? [], (c) => c.read))}`]; }],
  rejects: ['Quarantined', (s) => { const n = sum(s?.counts ?? [], rejected); return [brief(n), share(n, sum(s?.counts ?? [], (c) => c.read))]; }],
};
// A figure that follows the log and the clock: update() changes its texts in place.
function figure(name, width, page) {
  const [title, words] = wording[name];
  const value = el('p', { class: 'value' }), note = el('p', { class: 'muted' });
  const root = el('section', { class: `card figure${width < 3 ? ' narrow' : ''}`, 'data-live': name, style: { '--w': String(width) } }, el('h2', {}, title), value, note);
  const put = (node, text) => node.textContent !== text && (node.textContent = text);
  root.update = () => {
    const [number, line, more] = words(page.status, Date.now() + page.skew);
    put(value, number);
    put(note, line);
    value.title = more ?? '';
  };
  root.update();
  return root;
}
export const liveFigures = (board, page) => (!page.status?.version ? [] : board === 'overview' ? ['newest', 'rate'].map((n) => figure(n, 2, page)) : board === 'pipeline' ? ['newest', 'rate', 'duplicates', 'rejects'].map((n) => figure(n, 3, page)) : []);

export async function askLag(page) {
  try {
    page.lag = lagOf(await (await fetch('/metrics')).text());
  } catch {
    page.lag = null; // the page says by itself that the connection is lost
  }
}
export function pipeline(page, again) {
  const s = page.status;
  if (!s?.version) return [];
  const box = (name, title, width, ...content) => el('section', { class: 'card', 'data-box': name, style: { '--w': String(width) } }, el('h2', {}, title), ...content);
  const rows = (columns, list) => ({ columns: columns.map((name) => ({ name })), rows: list });
  const plain = (text) => el('p', { class: 'muted' }, text);
  const reasons = s.counts.flatMap((c) => Object.entries(c.quarantined).map(([reason, n]) => [c.topic, reason, n])).filter((r) => r[2] > 0).sort((a, b) => b[2] - a[2]);
  const audit = s.audit ? (s.audit.bad === 0 ? `Clean: ${exact(s.audit.files)} files, commit ${s.audit.version}, ${ago(s.now_ms - s.audit.time_ms)} ago.` : `${s.audit.bad ?? 'An error'}: ${s.audit.findings?.filter((f) => !f.ok).map((f) => `${f.where}: ${f.what}`).join('; ') ?? s.audit.error}`) : 'Not audited since this server started.';
  const waiting = rows(['topic', 'delivered', 'waiting for refine'], s.topics.map((t) => [t.topic, t.delivered, t.pending_rows]));
  const lag = page.lag?.length
    ? [plain(`${exact(sum(page.lag, (p) => p.lag ?? 0))} records in Kafka are not read yet.`), table(rows(['topic', 'partition', 'next offset', 'not read yet'], page.lag.map((p) => [p.topic, String(p.partition), p.position ?? null, p.lag ?? null])), 'Lag by partition', { search: false })]
    : [plain('No Kafka is read by this server, so there is no lag by partition; this is what waits between bronze and silver.'), table(waiting, 'Lag by topic', { search: false })];
  return [
    box('records', 'Records', 12, table(rows(['topic', 'table', 'read', 'rows', 'duplicates', 'quarantined', 'late', 'future'], s.counts.map((c) => [c.topic, c.table, c.read, c.rows, c.duplicates, rejected(c), c.late, c.future])), 'What became of the records', { search: false })),
    box('lag', 'Lag', 6, ...lag),
    box('reasons', 'Rejects by topic and reason', 6, ...(reasons.length ? [table(rows(['topic', 'reason', 'records'], reasons), 'Rejects by topic and reason', { search: false })] : [plain('Nothing was rejected.')])),
    box('commits', 'Commits', 8, table(rows(['number', 'kind', 'age', 'rows', 'duplicates', 'quarantined', 'files', 'bytes'], s.commits.map((c) => [String(c.number), c.kind, ago(s.now_ms - c.time_ms), c.rows, c.duplicates, c.quarantined, c.files, c.bytes])), 'The last commits', { search: false })),
    box('audit', 'Audit', 4, plain('Every file read again, every count made again: bronze = silver + quarantine + duplicates.'), el('p', { class: 'verdict' }, audit), el('div', { class: 'menu' }, el('button', { type: 'button', onclick: async (e) => {
      e.target.disabled = true;
      e.target.textContent = 'Auditing…';
      await fetch('/api/v1/audit', { method: 'POST' }).catch(() => {});
      await again();
      say(document.querySelector('[data-box="audit"] .verdict')?.textContent ?? '');
    } }, 'Audit now'))),
  ];
}
