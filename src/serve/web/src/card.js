// One chart in its frame: fetches when what it shows has changed, keeps zoom, focus and open parts through every update.
import { get } from './api.js';
import { Brush } from './brush.js';
import { calm, engine, inWeeks, nextTurn, objects, series } from './charts.js';
import { $, el, icon, save, say } from './dom.js';
import { addDays, ago, brief, dayLong, dayWeek, exact, isoDay, label, moment, weekdayNames } from './format.js';
import { table } from './table.js';
import { address, change, filters, range, view } from './view.js';
import { inZone } from './zone.js';

// A filter's value in words.
export const worded = (name, value) => (name === 'day' ? dayWeek(value) : name === 'weekday' ? weekdayNames[value - 1] ?? value : name === 'user' ? `user ${value}` : value);

export class Card {
  constructor(board, chart, page) {
    Object.assign(this, { board, chart, page, zoom: {}, at: -1, shown: null });
    const id = `card-${chart.id}`;
    const drawn = !['figure', 'ranked', 'funnel', 'table'].includes(chart.kind);
    this.body = el('div', { class: 'body', style: { '--h': `${chart.height}px` } });
    this.sub = el('p', { class: 'muted' }, chart.about ?? '');
    this.age = el('p', { class: 'age' });
    this.extra = el('div', { class: 'extra' });
    this.strip = el('div', { class: 'strip' });
    this.buttons = {};
    const tool = (name, text, key, f) => (this.buttons[name] = el('button', { type: 'button', 'aria-pressed': name === 'full' ? false : 'false', title: `${text} (${key})`, 'aria-label': `${text}: ${chart.title}`, onclick: f }, icon(name)));
    this.root = el('section', { class: `card ${chart.kind}${chart.kind === 'figure' && chart.width < 3 ? ' narrow' : ''}`, id, 'aria-labelledby': `${id}-title`, style: { '--w': String(chart.width), '--h': `${chart.height}px` } },
      el('div', { class: 'head' }, el('h2', { id: `${id}-title` }, chart.title),
        el('div', { class: 'tools' }, tool('table', 'Rows as a table', 'T', () => this.toggle('table')), tool('sql', 'The SQL', 'S', () => this.toggle('sql')), tool('save', 'Download', 'V', () => this.toggle('save')), tool('full', 'Full screen', 'F', () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen())))),
      chart.kind === 'figure' ? null : this.sub, this.body, this.strip, this.extra, this.age);
    this.root.addEventListener('keydown', (e) => this.key(e));
    if (drawn) {
      this.plot = el('div', { class: 'plot', tabindex: 0, role: 'img', 'aria-label': chart.title, style: { '--h': `${chart.height}px` } });
      this.plot.addEventListener('keydown', (e) => this.move(e));
      this.plot.addEventListener('blur', () => this.chartView?.dispatchAction({ type: 'hideTip' }));
      this.brush = new Brush(this);
      this.hold();
    }
    this.waiting();
  }

  params() {
    const q = new URLSearchParams();
    const dates = range(this.page.newest);
    for (const name of this.chart.filters) {
      const value = name === 'from' ? dates.from : name === 'to' ? dates.to : filters.includes(name) ? view[name] : '';
      if (value) q.set(name, value);
    }
    return q;
  }
  path(kind = 'data', more = {}) {
    const q = this.params();
    for (const [k, v] of Object.entries(more)) q.set(k, v);
    const text = q.toString();
    return `/api/v1/${kind}/${this.board.name}/${this.chart.id}${text ? `?${text}` : ''}`;
  }
  // Does a change of these parameters touch this chart?
  touched(names) {
    return names.some((n) => this.chart.filters.includes(n) || (['days', 'from', 'to'].includes(n) && (this.chart.filters.includes('from') || this.chart.filters.includes('to'))));
  }

  // While someone drags in the plot or reads a tooltip, news waits; a tooltip is read for 3 s after the pointer's last move.
  hold() {
    const free = () => { if (this.owed && !this.held()) { this.owed = false; this.load(); } };
    let calmDown;
    this.plot.addEventListener('pointerdown', () => {
      this.down = true;
      const up = () => { this.down = false; removeEventListener('pointerup', up, true); removeEventListener('pointercancel', up, true); setTimeout(free); };
      addEventListener('pointerup', up, true);
      addEventListener('pointercancel', up, true);
    });
    this.plot.addEventListener('pointermove', () => { this.readAt = Date.now(); clearTimeout(calmDown); calmDown = setTimeout(free, 3050); });
    this.plot.addEventListener('pointerleave', () => { this.readAt = 0; setTimeout(free); });
  }
  held() { return !!this.down || Date.now() - (this.readAt ?? 0) < 3000; }
  // News: as load(), but not under somebody's hands.
  update() { if (this.plot && this.held()) this.owed = true; else this.load(true); }

  async load(news = false) {
    this.owed = false;
    const path = this.path();
    const ticket = (this.ticket = {});
    this.root.classList.add('busy');
    const slow = setTimeout(() => !this.data && this.body.replaceChildren(el('div', { class: 'wait' }, el('div', { class: 'bars', 'aria-hidden': 'true' }, [30, 50, 42, 60, 38].map((h) => el('i', { style: { height: `${h}px` } }))), 'Loading…')), 300);
    try {
      const data = await get(path);
      if (ticket !== this.ticket) return;
      if (news && this.plot && this.held()) return void (this.owed = true);
      this.raw = data;
      this.before = await this.lastTime();
      if (ticket !== this.ticket) return;
      if (this.plot && !this.chartView) {
        this.engine = await engine();
        await nextTurn();
        if (ticket !== this.ticket) return;
      }
      this.got = Date.now();
      this.failed = null;
      this.draw();
    } catch (error) {
      if (ticket !== this.ticket) return;
      this.failed = error;
      this.fail(error);
    } finally {
      clearTimeout(slow);
      if (ticket === this.ticket) this.root.classList.remove('busy');
    }
  }
  // A figure of the last N days is compared with the N days before them.
  async lastTime() {
    const { chart } = this, days = Number(view.days), dates = range(this.page.newest);
    if (chart.kind !== 'figure' || !days || !dates.from || !chart.filters.includes('from')) return null;
    const q = this.params();
    q.set('from', addDays(dates.from, -days));
    q.set('to', addDays(dates.from, -1));
    return (await get(`/api/v1/data/${this.board.name}/${chart.id}?${q}`)).rows[0]?.[0] ?? null;
  }
  waiting() { this.body.replaceChildren(el('div', { class: 'wait' })); }
  fail(error) {
    this.chartView?.dispose();
    this.chartView = null;
    this.body.replaceChildren(el('div', { class: 'wait error', role: 'alert' }, error.status === 404 && /lake/.test(error.message) ? 'There is no data yet.' : 'This chart cannot be shown.', el('button', { type: 'button', onclick: () => this.load() }, 'Try again'), el('details', {}, el('summary', {}, `Details, ${new Date().toLocaleTimeString()}`), error.message)));
  }
  empty() {
    const set = this.chart.filters.filter((f) => f !== 'from' && f !== 'to' && view[f]);
    this.chartView?.dispose();
    this.chartView = null;
    this.body.replaceChildren(el('div', { class: 'wait' }, `Nothing here${set.length ? ` for ${set.map((f) => `${label(f)} ${view[f]}`).join(', ')}` : ''}.`, set.length || view.from || view.days ? el('button', { type: 'button', onclick: () => change({ days: '', from: '', to: '', ...Object.fromEntries(filters.map((f) => [f, ''])) }) }, 'Show everything') : null));
  }

  draw() {
    const { chart } = this;
    if (!this.raw) return;
    ({ data: this.data, note: this.note } = inZone(chart, this.raw, view.zone));
    const { data } = this;
    const rows = objects(data);
    if (!rows.length || (chart.kind === 'figure' && rows[0][chart.y[0]] === null)) this.empty();
    else if (chart.kind === 'figure') this.figure(rows[0]);
    else if (chart.kind === 'ranked' || chart.kind === 'funnel') this.ranked(rows);
    else if (chart.kind === 'table') { if (this.grid?.isConnected) this.grid.update(data); else this.body.replaceChildren((this.grid = table(data, chart.title, { search: false }))); }
    else this.echart();
    if (chart.kind === 'ranked' && rows.length) this.sub.textContent = chart.about ?? '';
    this.selection(rows);
    this.parts();
    this.showAge();
  }
  figure(row) {
    const value = row[this.chart.y[0]];
    this.body.replaceChildren(el('p', { class: 'value', title: exact(value) }, brief(this.chart.unit?.startsWith('%') || this.chart.unit === 'hours' ? Math.round(value * 10) / 10 : value)), this.change(value));
  }
  change(value) {
    const { before, chart } = this;
    const words = chart.unit ?? '';
    if (!before || !view.days) return el('p', { class: 'muted' }, words);
    const percent = (100 * (value - before)) / before;
    const mark = Math.abs(percent) < 0.05 ? '=' : percent > 0 ? '▲' : '▼';
    return el('p', { class: 'muted' }, el('span', { class: percent >= 0 ? 'up' : 'down' }, `${mark} ${Math.abs(percent).toFixed(1)} %`), ` on the ${view.days} days before`);
  }
  // What was clicked, and the way to the events behind it.
  selection(rows) {
    const keys = Object.keys(this.chart.link).filter((k) => view[k]);
    if (!keys.length || !this.chart.has_rows) return this.strip.replaceChildren();
    const row = rows.find((r) => Object.entries(this.chart.link).every(([k, c]) => view[k] === String(r[c])));
    const text = `${keys.map((k) => worded(k, view[k])).join(', ')}${row ? `: ${exact(row[this.chart.y[0]])} ${this.chart.unit ?? ''}` : ''}`;
    if (this.strip.dataset.text === text && this.strip.firstChild) return;
    this.strip.dataset.text = text;
    this.strip.replaceChildren(el('span', {}, text), el('button', { type: 'button', class: 'events', onclick: () => this.rows() }, 'Show the events'));
  }
  ranked(rows) {
    const { chart } = this;
    const y = chart.y[0];
    const most = Math.max(...rows.map((r) => r[y]), 1);
    const many = this.all ? rows : rows.slice(0, chart.limit || 10);
    const focus = this.root.contains(document.activeElement) ? document.activeElement.dataset.rank : undefined;
    if (focus !== undefined) this.at = Math.min(Number(focus), many.length - 1);
    const stop = Math.max(0, Math.min(this.at, many.length - 1));
    const list = el('ol', { class: 'ranked', 'aria-label': `${chart.title}: arrow keys move`, onkeydown: (e) => this.climb(e) }, many.map((r, i) => {
      const link = this.linkOf(r);
      const on = link && Object.keys(link).length && Object.entries(link).every(([k, v]) => view[k] === v);
      return el('li', {}, el('button', { type: 'button', 'data-rank': i, tabindex: i === stop ? 0 : -1, 'aria-pressed': link ? String(!!on) : false, title: `${r[chart.x]}${chart.series ? ` · ${r[chart.series]}` : ''}`, onclick: () => this.pick(r) },
        el('span', { class: 'row' }, el('span', { class: 'name' }, el('bdi', {}, `${i + 1}. ${r[chart.x]}`), chart.series ? el('small', {}, el('bdi', {}, String(r[chart.series]))) : null), el('span', {}, exact(r[y])), el('span', { class: 'track', 'aria-hidden': 'true' }, el('i', { style: { width: `${(100 * r[y]) / most}%` } })))));
    }));
    const more = rows.length > (chart.limit || 10) ? el('button', { type: 'button', class: 'more', onclick: () => { this.all = !this.all; this.draw(); } }, this.all ? 'Show fewer' : `Show ${rows.length}`) : null;
    const search = chart.filters.includes('search') ? (this.search ??= el('input', { type: 'search', placeholder: 'Search songs and artists', 'aria-label': `Search in ${chart.title}`, value: view.search, oninput: (e) => { clearTimeout(this.typing); this.typing = setTimeout(() => change({ search: e.target.value.trim() }, true), 250); } })) : null;
    if (search && this.body.firstChild !== search) this.body.replaceChildren(search);
    for (const node of [...this.body.childNodes]) if (node !== search) node.remove();
    this.body.append(...[list, more].filter(Boolean)); // the search field is not moved: it keeps its focus
    if (focus !== undefined) list.querySelector(`[data-rank="${this.at}"]`)?.focus({ preventScroll: true });
  }
  climb(e) {
    const all = [...e.currentTarget.querySelectorAll('button')];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: Math.min(at + 1, all.length - 1), ArrowRight: Math.min(at + 1, all.length - 1), ArrowUp: Math.max(at - 1, 0), ArrowLeft: Math.max(at - 1, 0), Home: 0, End: all.length - 1 }[e.key];
    if (at < 0 || to === undefined) return;
    e.preventDefault();
    all[at].tabIndex = -1;
    all[to].tabIndex = 0;
    all[to].focus();
    this.at = to;
  }
  echart() {
    if (!this.engine) return; // load() draws when it has come
    const selected = new Set(Object.keys(this.chart.link).map((k) => view[k]).filter(Boolean));
    const s = (this.drawn = series(this.chart, this.data, { unfinished: this.page.unfinished, zoom: this.zoom, selected }));
    if (this.plot.parentNode !== this.body) this.body.replaceChildren(this.plot);
    if (!this.chartView) {
      this.chartView = this.engine.make(this.plot);
      this.chartView.on('datazoom', () => { const z = this.chartView.getOption().dataZoom?.[0]; if (z) this.zoom = { start: z.start, end: z.end }; this.grain(); });
      this.chartView.on('click', (p) => { const r = this.drawn.row(p.dataIndex); if (r) this.pick(r); });
      this.chartView.getZr().on('dblclick', () => { this.zoom = {}; this.chartView.dispatchAction({ type: 'dataZoom', start: 0, end: 100 }); });
      this.brush.listen(this.chartView);
      new ResizeObserver(() => { const c = this.chartView; if (c && (c.getWidth() !== this.plot.clientWidth || c.getHeight() !== this.plot.clientHeight)) c.resize(); }).observe(this.plot); // it reports at once, and a resize draws all anew
    }
    s.option.animation = !calm();
    this.chartView.setOption(s.option, { replaceMerge: ['series'] });
    this.sub.textContent = [this.chart.about, s.finding, this.note].filter(Boolean).join(' ');
    this.plot.setAttribute('aria-label', `${this.chart.title}. ${this.sub.textContent} Arrow keys read the values, T shows a table.`);
    if (this.at >= 0 && document.activeElement === this.plot) this.tip();
  }

  // Days become weeks, and weeks days, when the zoom passes the limit.
  grain() {
    clearTimeout(this.grainSoon);
    if (this.drawn.dayCount && inWeeks(this.chart, this.drawn.dayCount, this.zoom) !== this.drawn.weekly)
      this.grainSoon = setTimeout(() => { if (this.chartView) { this.at = -1; this.brush.clear(); this.echart(); } }, 150);
  }

  linkOf(row) {
    const keys = Object.keys(this.chart.link);
    return keys.length ? Object.fromEntries(keys.map((k) => [k, String(row[this.chart.link[k]])])) : null;
  }
  pick(row) {
    if (row.week) return this.brush.possible() && change({ days: '', day: '', from: row.from, to: row.to });
    const link = this.linkOf(row);
    if (!link) return;
    const on = Object.entries(link).every(([k, v]) => view[k] === v);
    change(on ? Object.fromEntries(Object.keys(link).map((k) => [k, ''])) : link);
  }
  tip() {
    this.chartView.dispatchAction({ type: 'showTip', seriesIndex: 0, dataIndex: this.at });
    say(this.drawn.speak(this.at));
  }
  move(e) {
    if (!this.drawn || e.ctrlKey || e.metaKey || e.altKey) return;
    if (this.brush.key(e)) return;
    const last = this.drawn.count - 1;
    const to = { ArrowRight: Math.min(this.at + 1, last), ArrowLeft: Math.max(this.at - 1, 0), Home: 0, End: last }[e.key];
    if (to !== undefined) { e.preventDefault(); this.at = to; this.tip(); }
    else if (e.key === 'Enter' && this.at >= 0 && this.drawn.row(this.at)) this.pick(this.drawn.row(this.at));
    else if (e.key === 'Escape') { this.at = -1; this.chartView.dispatchAction({ type: 'hideTip' }); }
  }
  key(e) {
    if (e.target.matches('input, textarea, select') || e.ctrlKey || e.metaKey || e.altKey) return;
    const f = { t: 'table', s: 'sql', v: 'save', f: 'full' }[e.key.toLowerCase()];
    if (f) { e.preventDefault(); e.stopPropagation(); this.buttons[f].click(); }
  }

  toggle(part) {
    this.shown = this.shown === part ? null : part;
    change({ open: this.shown && this.shown !== 'save' ? `${this.chart.id}:${this.shown}` : '' }, true);
    this.parts(true);
  }
  parts(now) {
    for (const part of ['table', 'sql', 'save']) this.buttons[part].setAttribute('aria-pressed', String(this.shown === part));
    if (!this.data || !this.shown) return this.extra.replaceChildren();
    if (!now && this.kept === this.shown && this.extra.firstChild) {
      if (this.shown === 'table') this.rowsTable.update(this.data);
      if (this.shown !== 'sql' || this.extra.querySelector('pre').textContent === this.data.sql) return;
    }
    this.kept = this.shown;
    if (this.shown === 'table') this.extra.replaceChildren(...[(this.rowsTable = table(this.data, `${this.chart.title}${this.note ? `. ${this.note}` : ''}`)), this.rowsButton()].filter(Boolean));
    else if (this.shown === 'sql') this.extra.replaceChildren(el('pre', { tabindex: 0 }, this.data.sql), el('div', { class: 'menu' }, el('button', { type: 'button', onclick: () => navigator.clipboard?.writeText(this.data.sql).then(() => say('copied')) }, 'Copy'), this.page.console ? el('button', { type: 'button', onclick: () => this.page.openConsole(this.data.sql) }, 'Open in the SQL page') : null));
    else this.extra.replaceChildren(el('div', { class: 'menu' }, ['csv', 'parquet'].map((f) => el('a', { class: 'button', href: this.path('data', { format: f }), download: true }, f === 'csv' ? 'CSV' : 'Parquet')), this.chartView ? [el('button', { type: 'button', onclick: () => save(`${this.chart.id}.svg`, 'image/svg+xml', this.chartView.renderToSVGString()) }, 'SVG'), el('button', { type: 'button', onclick: () => this.png() }, 'PNG')] : null));
  }
  rowsButton() {
    return this.chart.has_rows ? el('div', { class: 'menu' }, el('button', { type: 'button', onclick: () => this.rows() }, 'The events behind it')) : null;
  }
  async rows() {
    const link = Object.fromEntries(Object.keys(this.chart.link).filter((k) => view[k]).map((k) => [k, view[k]]));
    const path = this.path('rows', { ...link, limit: 200 });
    const back = document.activeElement;
    const dialog = $('#dialog');
    dialog.replaceChildren(el('h2', { id: 'dialog-title' }, `${this.chart.title}: the events`), el('p', { class: 'muted' }, 'Loading…'));
    dialog.addEventListener('close', () => back?.isConnected && back.focus(), { once: true });
    dialog.showModal();
    try {
      const data = await get(path);
      dialog.replaceChildren(el('h2', { id: 'dialog-title' }, `${this.chart.title}: ${exact(data.total)} events`), el('p', { class: 'muted' }, `${Object.entries(link).map(([k, v]) => (k === 'day' ? dayLong(v) : worded(k, v))).join(' · ') || 'all that the filters let through'}${data.truncated ? ` · the first ${data.rows.length} are shown` : ''}`), table(data, 'Events', { limit: 200 }), el('div', { class: 'menu' }, el('a', { class: 'button', href: this.path('rows', { ...link, format: 'csv' }), download: true }, 'All as CSV'), el('button', { type: 'button', onclick: () => dialog.close() }, 'Close')));
    } catch (error) {
      dialog.replaceChildren(el('h2', { id: 'dialog-title' }, 'These events cannot be shown'), el('p', { class: 'error' }, error.message), el('button', { type: 'button', onclick: () => dialog.close() }, 'Close'));
    }
  }
  png() {
    const svg = this.chartView.renderToSVGString(), image = new Image();
    const { clientWidth: w, clientHeight: h } = this.plot;
    image.onload = () => {
      const canvas = el('canvas', { width: w * 2, height: h * 2 }), g = canvas.getContext('2d');
      g.scale(2, 2);
      g.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--card');
      g.fillRect(0, 0, w, h);
      g.drawImage(image, 0, 0, w, h);
      save(`${this.chart.id}.png`, 'image/png', canvas.toDataURL('image/png'));
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  }
  showAge() {
    if (!this.data || !this.page.commitTime || document.hidden) return;
    const old = Date.now() - this.page.commitTime;
    const stale = this.page.state !== 'live';
    this.age.textContent = this.chart.kind === 'figure' && !stale ? `${ago(old)} old` : `Data of ${ago(old)} ago${stale ? ', no news since' : ''}${this.page.ignored(this.chart).length ? ` · not filtered by ${this.page.ignored(this.chart).join(', ')}` : ''}`;
    this.age.title = `commit ${this.data.version}, ${moment(this.page.commitTime)}`;
    this.age.classList.toggle('stale', stale);
  }
  theme() { if (this.chartView) { this.chartView.dispose(); this.chartView = null; this.draw(); } }
  // Paper is narrower than a screen: drawn anew for it, and scaled with the sheet.
  print(on) {
    if (!this.chartView) return;
    const svg = () => this.plot.querySelector('svg');
    this.chartView.resize(on ? { width: Math.min(this.plot.clientWidth, 680), animation: { duration: 0 } } : { width: 'auto' });
    this.chartView.getZr().refreshImmediately();
    if (on) svg().setAttribute('viewBox', `0 0 ${svg().getAttribute('width')} ${svg().getAttribute('height')}`);
    else svg().removeAttribute('viewBox');
  }
  close() { this.chartView?.dispose(); this.chartView = null; }
}
export { address, isoDay };
