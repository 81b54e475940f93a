import { feed, get } from './api.js';
import { Card, worded } from './card.js';
import { engine, series } from './charts.js';
import { $, el, icon, say } from './dom.js';
import { ago, clock, dayShort, isoDay, label } from './format.js';
import { askLag, liveFigures, newestEvent, pipeline } from './pipeline.js';
import { table } from './table.js';
import { address, change, chips, filters, onChange, range, start, view } from './view.js';
import { known } from './zone.js';

const page = {
  boards: [], cards: [], newest: '', unfinished: '', commitTime: 0, state: '', console: false, status: null, skew: 0, lag: null, figures: [],
  ignored: (chart) => ['level', 'user', 'state', 'song', 'artist', 'day', 'weekday'].filter((f) => view[f] && !chart.filters.includes(f) && !chart.link[f]).map(label),
  openConsole: (sql) => { sessionStorage.setItem('sql', sql); change({ board: 'sql' }); },
};

// ---- the frame ----

function theme() {
  const dark = view.theme ? view.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  $('#theme').replaceChildren(icon(dark ? 'sun' : 'moon'));
  $('#theme').setAttribute('aria-label', dark ? 'Change to light colours' : 'Change to dark colours');
  $('#theme').title = `${dark ? 'Light' : 'Dark'} colours (D)`;
  for (const card of page.cards) card.theme();
}
function summary() {
  const { from, to } = range(page.newest);
  const span = view.days && from ? `last ${view.days} days, ${dayShort(from)} – ${dayShort(to)}` : from || to ? `${from ? dayShort(from) : 'the start'} – ${to ? dayShort(to) : 'now'}` : 'all dates';
  const who = [view.user ? `user ${view.user}` : 'all users', view.level && `level ${view.level}`, view.state && `state ${view.state}`].filter(Boolean).join(', ');
  $('#summary').textContent = `${span} · ${who} · ${view.zone ? `hours in ${view.zone}, days in UTC` : 'UTC'}`;
  for (const b of document.querySelectorAll('.presets button')) b.setAttribute('aria-pressed', String(!view.from && !view.to && b.dataset.days === view.days));
  for (const id of ['from', 'to', 'level', 'state', 'user']) if (document.activeElement !== $(`#${id}`) && !(id === 'user' && $('#user-note').textContent)) $(`#${id}`).value = id === 'from' ? (view.days ? '' : view.from) : id === 'to' ? (view.days ? '' : view.to) : view[id];
  $('#zone').value = view.zone;
  $('#chips').replaceChildren(...chips().map((name) => el('button', { type: 'button', onclick: () => change({ [name]: '' }) }, el('span', { class: 'hidden' }, `Remove the filter ${label(name)}: `), el('bdi', {}, worded(name, view[name])), ' ✕')));
  $('#reset').hidden = !(view.days || view.from || view.to || filters.some((f) => view[f]));
  $('#boards').replaceChildren(...[...page.boards, ...(page.console ? [{ name: 'sql', title: 'SQL' }] : [])].map((b) => el('a', { href: address({ board: b.name, open: '' }), 'aria-current': b.name === view.board ? 'page' : false, onclick: (e) => { if (e.ctrlKey || e.metaKey || e.shiftKey) return; e.preventDefault(); change({ board: b.name, open: '', card: '' }); } }, b.title)));
  document.body.classList.toggle('embed', !!view.embed);
}
function banner(text, info = false) {
  $('#banner').hidden = !text;
  $('#banner').className = info ? 'banner info' : 'banner';
  $('#banner').replaceChildren(...(Array.isArray(text) ? text : [text]));
}

// ---- boards ----

function showBoard() {
  for (const card of page.cards) card.close();
  page.cards = [];
  if (!page.boards.some((b) => b.name === view.board) && view.board !== 'sql') view.board = page.boards[0]?.name ?? '';
  const board = page.boards.find((b) => b.name === view.board);
  document.title = `${board?.title ?? 'SQL'} · lakefm`;
  $('h1').textContent = board?.title ?? 'SQL';
  summary();
  if (view.board === 'sql' && page.console) return showConsole();
  if (!board) return $('#charts').replaceChildren(el('p', {}, 'No dashboards.'));
  if (board.error) return $('#charts').replaceChildren(el('section', { class: 'card', style: { '--w': '12' } }, el('h2', {}, `${board.file} has a mistake`), el('pre', { class: 'error' }, board.error)));
  page.cards = board.charts.filter((c) => !view.card || c.id === view.card).map((c) => new Card(board, c, page));
  page.figures = view.card ? [] : liveFigures(board.name, page);
  const figures = page.cards.filter((c) => c.chart.kind === 'figure'), others = page.cards.filter((c) => c.chart.kind !== 'figure');
  const boxes = board.name === 'pipeline' && !view.card ? pipeline(page, auditAgain) : [];
  $('#charts').replaceChildren(...figures.map((c) => c.root), ...page.figures, ...boxes, ...others.map((c) => c.root));
  if (board.name === 'pipeline') showPipeline();
  const [id, part] = view.open.split(':');
  const open = page.cards.find((c) => c.chart.id === id);
  if (open && part) open.shown = part;
  for (const card of page.cards) card.load();
}
async function auditAgain() {
  await refreshStatus();
  await showPipeline();
}
// The Pipeline's tables anew, but not the one that somebody is in.
async function showPipeline() {
  await askLag(page);
  if (view.board !== 'pipeline') return;
  for (const fresh of pipeline(page, auditAgain)) {
    const old = document.querySelector(`#charts > [data-box="${fresh.dataset.box}"]`);
    if (old && (!old.contains(document.activeElement) || old.contains(document.querySelector('button:disabled')))) {
      const at = old.querySelector('.scroll')?.scrollTop ?? 0;
      old.replaceWith(fresh);
      if (at) fresh.querySelector('.scroll').scrollTop = at;
    }
  }
}
function showConsole() {
  const area = el('textarea', { 'aria-label': 'One SELECT', spellcheck: 'false', 'aria-describedby': 'sql-help' }, sessionStorage.getItem('sql') ?? 'select song, artist, play_count\nfrom top_songs_by_play_count\nlimit 20');
  const result = el('div', {}), history = JSON.parse(localStorage.getItem('sql-history') ?? '[]');
  const past = el('select', { 'aria-label': 'Earlier statements', onchange: (e) => (area.value = e.target.value) }, el('option', { value: '' }, 'Earlier…'), history.map((h) => el('option', { value: h }, h.slice(0, 80))));
  let words = [];
  const offer = el('div', { class: 'menu offer', role: 'group', 'aria-label': 'Completions' });
  // The word before the cursor, and the names that begin with it: Tab takes the first one.
  const word = () => /[A-Za-z_][\w]*$/.exec(area.value.slice(0, area.selectionStart))?.[0] ?? '';
  const fits = () => { const w = word().toLowerCase(); return w.length < 2 ? [] : words.filter((x) => x.toLowerCase().startsWith(w) && x.toLowerCase() !== w).slice(0, 8); };
  const take = (name) => { const w = word(); area.setRangeText(name, area.selectionStart - w.length, area.selectionStart, 'end'); area.focus(); hint(); };
  const hint = () => offer.replaceChildren(...fits().map((x) => el('button', { type: 'button', tabindex: -1, onclick: () => take(x) }, x)));
  area.addEventListener('input', hint);
  // Two columns or more, the second a number: a picture too.
  function picture(body) {
    if (body.columns.length < 2 || body.rows.length < 2 || body.rows.length > 400 || typeof body.rows[0][1] !== 'number') return null;
    const box = el('div', { class: 'plot', role: 'img', 'aria-label': 'The result as a chart; the table below has the same numbers', style: { '--h': '240px' } });
    const dated = body.rows.every((r) => /^\d{4}-\d\d-\d\d$/.test(r[0]));
    engine().then((e) => e.make(box).setOption(series({ kind: 'bars', x: body.columns[0].name, y: [body.columns[1].name], time: dated ? 'date' : undefined }, body, { unfinished: '', zoom: {}, selected: new Set() }).option));
    return box;
  }
  async function run(plan = false) {
    const sql = area.value;
    sessionStorage.setItem('sql', area.value);
    result.replaceChildren(el('p', { class: 'muted' }, 'Running…'));
    const response = await fetch(`/api/v1/sql${plan ? '?plan=1' : ''}`, { method: 'POST', body: sql });
    const body = await response.json();
    if (body.error) return result.replaceChildren(el('pre', { class: 'error', role: 'alert' }, body.error.message));
    if (plan) return result.replaceChildren(el('pre', { tabindex: 0, 'aria-label': 'Plan' }, body.rows.map((r) => r.at(-1)).join('\n')));
    localStorage.setItem('sql-history', JSON.stringify([area.value, ...history.filter((h) => h !== area.value)].slice(0, 30)));
    result.replaceChildren(el('p', { class: 'muted' }, `${body.rows.length} rows${body.truncated ? ' (cut)' : ''} in ${body.took_ms} ms`), ...[picture(body), table(body, 'Result')].filter(Boolean));
  }
  area.addEventListener('keydown', (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); run(); } else if (e.key === 'Tab' && !e.shiftKey && fits().length) { e.preventDefault(); take(fits()[0]); } else if (e.key === 'Escape') { words = []; hint(); } });
  const names = el('details', {}, el('summary', {}, 'Tables and columns'));
  get('/api/v1/tables').then((t) => {
    const by = new Map();
    for (const r of t.rows) by.set(`${r[0]}.${r[1]}`, [...(by.get(`${r[0]}.${r[1]}`) ?? []), r]);
    words = [...new Set([...t.rows.flatMap((r) => [r[1], r[2]]), ...'select from where group by order limit count sum avg min max distinct having join using'.split(' ')])];
    names.append(...[...by].map(([name, cols]) => el('p', {}, el('button', { type: 'button', onclick: () => { area.setRangeText(name, area.selectionStart, area.selectionEnd, 'end'); area.focus(); } }, name), ` ${cols.map((c) => c[2]).join(', ')}`)));
  });
  $('#charts').replaceChildren(el('section', { class: 'card', style: { '--w': '12' } }, el('h2', {}, 'SQL'), el('p', { class: 'muted', id: 'sql-help' }, 'One SELECT over gold, silver and quarantine. Ctrl + Enter runs it, Tab completes a name, Escape turns that off.'), area, offer, el('div', { class: 'menu' }, el('button', { type: 'button', onclick: () => run() }, 'Run'), el('button', { type: 'button', onclick: () => run(true) }, 'Plan'), past), names, result));
}

// ---- news ----

async function refreshStatus() {
  const s = (page.status = await get(`/api/v1/status`));
  page.console = s.console;
  page.commitTime = s.commit_time_ms ?? 0;
  page.skew = s.now_ms - Date.now();
  const newest = newestEvent(s);
  page.unfinished = newest === null ? '' : isoDay(newest);
  page.newest = page.unfinished;
  if (page.state === 'live') $('#live').textContent = page.commitTime ? `Live · data of ${clock(page.commitTime, view.zone || 'UTC')}` : 'Live';
  if (!s.version) banner(['There is no lake here yet. In a terminal: ', el('code', {}, 'lakefm demo')], true);
  else if (!s.built) banner(['There are no gold tables yet. In a terminal: ', el('code', {}, `lakefm --lake ${s.url} build`)], true);
  else if ($('#banner').classList.contains('info')) banner('');
}
async function onEvent(name, data) {
  if (name === 'beat' || name === 'hello') {
    ages();
    if (view.board === 'pipeline' && !document.hidden) showPipeline();
    return;
  }
  if (document.hidden) return void (page.missed = true);
  if (name === 'boards') { await loadBoards(); return showBoard(); }
  const before = page.newest;
  await refreshStatus();
  const all = name === 'reset' || page.newest !== before;
  for (const card of page.cards) if (all || card.failed || !card.chart.tables.length || card.chart.tables.some((t) => data.tables?.includes(t))) name === 'reset' ? card.load() : card.update();
  if (view.board === 'pipeline') await showPipeline();
  ages();
  summary();
}
function onState(state) {
  const was = page.state;
  page.state = state;
  $('#live').dataset.state = state;
  const words = { live: 'Live', stale: `No news for ${ago(page.feed?.silentFor() ?? 0)}`, lost: 'Connection lost, trying again' };
  $('#live').textContent = words[state];
  if (state === 'lost' && page.feed) banner('Connection lost, trying again. What is shown stays as it was.');
  if (state === 'stale') say('no news from the server');
  if (state === 'live' && was === 'lost') { banner(''); say('connected again'); }
  ages();
}
function ages() {
  if (page.state === 'live') $('#live').textContent = page.commitTime ? `Live · data of ${clock(page.commitTime, view.zone || 'UTC')}` : 'Live';
  if (page.state === 'stale') $('#live').textContent = `No news for ${ago(page.feed.silentFor())}`;
  for (const card of page.cards) card.showAge();
  for (const figure of page.figures) figure.update();
}
async function loadBoards() { page.boards = (await get('/api/v1/boards')).boards; }

// ---- start ----

// Says so in the field when there is no such user; then the page stays as it is.
async function userIsKnown(id) {
  const { known } = !id ? {} : !/^\d{1,18}$/.test(id) ? { known: false } : await get(`/api/v1/users/${id}`).catch(() => ({ known: null }));
  if ($('#user').value.trim() !== id) return false;
  const note = known !== false ? '' : /^\d+$/.test(id) ? `There is no user ${id}` : 'A user id is a number';
  userNote(note);
  return !note;
}
function userNote(note) {
  $('#user').setCustomValidity(note);
  $('#user').setAttribute('aria-invalid', String(!!note));
  $('#user-note').textContent = note;
}
function controls() {
  for (const b of document.querySelectorAll('.presets button')) b.addEventListener('click', () => change({ days: b.dataset.days, from: '', to: '' }));
  for (const id of ['from', 'to']) $(`#${id}`).addEventListener('change', (e) => change({ days: '', [id]: e.target.value }));
  $('#level').addEventListener('change', (e) => change({ level: e.target.value }));
  $('#state').addEventListener('change', (e) => change({ state: e.target.value.trim().toUpperCase() }));
  $('#user').addEventListener('change', async (e) => {
    const id = e.target.value.trim();
    if (await userIsKnown(id)) change({ user: id });
  });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (view.zone && !known(view.zone)) view.zone = '';
  for (const z of new Set([zone, view.zone])) if (z && z !== 'UTC') $('#zone').append(el('option', { value: z }, z));
  $('#zone').addEventListener('change', (e) => change({ zone: e.target.value }));
  $('#theme').addEventListener('click', () => change({ theme: document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark' }));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', theme);
  $('#help').addEventListener('click', help);
  $('#reset').addEventListener('click', () => { userNote(''); change({ days: '', from: '', to: '', ...Object.fromEntries(filters.map((f) => [f, ''])) }); $('#charts').focus(); });
  addEventListener('keydown', (e) => {
    if (e.target.matches('input, textarea, select') || e.ctrlKey || e.metaKey || e.altKey || $('#dialog').open) return;
    const keys = { d: () => $('#theme').click(), r: () => onEvent('reset', {}), '/': () => $('#user').focus(), '?': help, 1: () => change({ days: '7', from: '', to: '' }), 2: () => change({ days: '30', from: '', to: '' }), 3: () => change({ days: '90', from: '', to: '' }) };
    const f = keys[e.key.toLowerCase()];
    if (f) { e.preventDefault(); f(); }
  });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && page.missed) { page.missed = false; onEvent('reset', {}); } });
  addEventListener('beforeprint', () => page.cards.forEach((c) => c.print(true)));
  addEventListener('afterprint', () => page.cards.forEach((c) => c.print(false)));
  setInterval(() => !document.hidden && ages(), 5000);
}
function help() {
  const keys = [['← → Home End', 'move in a chart, values are read out'], ['Enter', 'filter by the value; again to undo'], ['T  S  V  F', 'table, SQL, download, full screen of the chart in focus'], ['1  2  3', 'last 7, 30, 90 days'], ['/', 'user field'], ['D', 'light or dark'], ['R', 'refresh'], ['Ctrl + wheel', 'zoom a chart of days; double click resets'], ['drag', 'over days: show only these'], ['Shift + ← →', 'the same by keys, then Enter'], ['?', 'this list']];
  $('#dialog').replaceChildren(el('h2', { id: 'dialog-title' }, 'Keys'), el('div', { class: 'keys' }, keys.flatMap(([k, t]) => [el('span', {}, k.split('  ').map((x) => el('kbd', {}, x))), el('span', {}, t)])), el('div', { class: 'menu' }, el('button', { type: 'button', onclick: () => $('#dialog').close() }, 'Close')));
  $('#dialog').showModal();
}

start();
controls();
theme();
onChange((changed) => {
  if (changed.includes('theme')) theme();
  if (changed.includes('user')) userNote('');
  if (changed.includes('board') || changed.includes('card')) return showBoard();
  summary();
  for (const card of page.cards) if (card.touched(changed)) card.load(); else if (changed.some((c) => c === 'zone' || filters.includes(c))) card.draw();
});
try {
  const first = [loadBoards(), refreshStatus()];
  engine().catch(() => {}); // while those are on their way; a chart that needs it asks again
  await Promise.all(first);
  showBoard();
  if (view.user) userIsKnown(view.user);
} catch (error) {
  banner(`The page cannot be shown: ${error.message}`);
}
page.feed = feed(onEvent, onState);
