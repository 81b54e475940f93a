// The lineage of a dbt project, from its artifacts. The address says what is selected (#unique_id) and whether only its
// lineage is shown (?only=1), so a link is a view. Texts of the project reach the page as text, never as markup.
import { layout } from './layout.js';

const $ = (selector) => document.querySelector(selector);
const KINDS = [['source', 'Sources'], ['seed', 'Seeds'], ['snapshot', 'Snapshots'], ['model', 'Models'], ['exposure', 'Exposures'], ['other', 'Others']];
const BAD = { error: 3, fail: 3, warn: 2, pass: 1, skipped: 0, unknown: 0 };
const MARK = { error: '✕', fail: '✕', warn: '!', pass: '✓' };
const READABLE = 0.55; // a graph that would be smaller is scrolled
const MANY = 250; // nodes: the first view is of one node's lineage
const state = { nodes: new Map(), tests: new Map(), selected: null, only: false, zoom: 1, fitted: true, sql: 'raw', catalog: true, ran: false };

// ---- small things ----

function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) e.addEventListener(key.slice(2), value);
    else e.setAttribute(key, value === true ? '' : value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}
function drawing(tag, attributes = {}, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) e.setAttribute(key, value);
  e.append(...children);
  return e;
}
const plural = (n, word) => `${n.toLocaleString('en-GB')} ${word}${n === 1 ? '' : 's'}`;
const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const byName = (a, b) => a.name.localeCompare(b.name);
function prose(text) { // `code` and line breaks; nothing else of Markdown
  return element('p', { class: 'about' }, ...text.trim().split(/(`[^`\n]+`)/).map((part) => (/^`.+`$/.test(part) ? element('code', {}, part.slice(1, -1)) : part)));
}

// ---- the project ----

async function artifact(name, needed) {
  const answer = await fetch(`/api/v1/docs/${name}`);
  if (answer.ok) return answer.json();
  const error = await answer.json().then((j) => j.error.message, () => `${name}: HTTP ${answer.status}`);
  if (needed || answer.status !== 404) throw new Error(error);
  return null;
}

function read(manifest, catalog, results) {
  const root = manifest.metadata.project_name;
  const outcomes = new Map((results?.results ?? []).map((r) => [r.unique_id, r]));
  const all = { ...manifest.nodes, ...manifest.sources, ...manifest.exposures, ...manifest.metrics, ...manifest.semantic_models, ...manifest.saved_queries };
  for (const [id, n] of Object.entries(all)) {
    if (n.resource_type === 'test' || n.resource_type === 'operation' || n.docs?.show === false || n.config?.docs?.show === false) continue;
    const kind = KINDS.some(([k]) => k === n.resource_type) ? n.resource_type : 'other';
    const found = catalog?.nodes[id] ?? catalog?.sources[id];
    const name = (kind === 'source' ? `${n.source_name}.${n.name}` : n.name) + (n.version ? `.v${n.version}` : '');
    const node = { id, kind, name, n, found, up: [], down: [], tests: [], columns: columns(n, found), outcome: outcomes.get(id), foreign: root && n.package_name !== root };
    node.tags = [...new Set([n.tags, n.config?.tags].flat().filter(Boolean))];
    node.hay = [name, id, n.original_file_path, n.description, n.type, n.config?.materialized, ...node.tags.map((t) => `tag:${t}`), ...node.columns.map((c) => c.name)].join('\n').toLowerCase();
    state.nodes.set(id, node);
  }
  for (const node of state.nodes.values())
    for (const id of new Set(node.n.depends_on?.nodes ?? [])) {
      const other = state.nodes.get(id);
      if (other) node.up.push(other), other.down.push(node);
    }
  for (const [id, t] of Object.entries({ ...manifest.nodes, ...manifest.unit_tests })) {
    if (t.resource_type !== 'test' && t.resource_type !== 'unit_test') continue;
    const test = { id, t, state: testState(outcomes.get(id)), outcome: outcomes.get(id) };
    const of = t.attached_node ? [t.attached_node] : t.depends_on?.nodes ?? [];
    for (const target of new Set(of)) state.nodes.get(target)?.tests.push(test);
    state.tests.set(id, test);
  }
  for (const node of state.nodes.values()) {
    node.tests.sort((a, b) => BAD[b.state] - BAD[a.state] || (a.t.column_name ?? '').localeCompare(b.t.column_name ?? '') || byName(a.t, b.t));
    const failed = node.outcome && ['error', 'fail', 'partial success'].includes(node.outcome.status);
    node.state = failed ? 'error' : node.tests.reduce((worst, t) => (BAD[t.state] > BAD[worst] ? t.state : worst), 'unknown');
  }
}

// compile and docs generate say success of every test: that is no outcome.
function testState(result) {
  const known = ['pass', 'fail', 'warn', 'error', 'skipped'];
  return known.includes(result?.status) ? result.status : 'unknown';
}

// The project's columns and the database's, whose letters may be of another size; in the database's order.
function columns(n, found) {
  const documented = new Map(Object.values(n.columns ?? {}).map((c) => [c.name.toLowerCase(), c]));
  const real = Object.values(found?.columns ?? {}).sort((a, b) => a.index - b.index);
  const rows = real.map((c) => ({ name: c.name, type: c.type, about: documented.get(c.name.toLowerCase())?.description || c.comment || '' }));
  const seen = new Set(real.map((c) => c.name.toLowerCase()));
  for (const [key, c] of documented) if (!seen.has(key)) rows.push({ name: c.name, type: c.data_type ?? '', about: c.description ?? '', missing: real.length > 0 });
  return rows;
}

function reach(node, side, found = new Set()) {
  const open = [node];
  while (open.length) for (const next of open.pop()[side]) if (!found.has(next)) found.add(next), open.push(next);
  return found;
}

// ---- list ----

function matches(node, words) {
  return words.every((w) => node.hay.includes(w));
}

function drawList() {
  const words = $('#search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = [...state.nodes.values()].filter((n) => matches(n, words));
  const list = $('#list');
  list.replaceChildren();
  for (const [kind, title] of KINDS) {
    const group = shown.filter((n) => n.kind === kind).sort((a, b) => a.foreign - b.foreign || byName(a, b));
    if (!group.length) continue;
    list.append(element('h2', {}, `${title} ${group.length}`), element('ul', { 'aria-label': title }, ...group.map((n) => element('li', {},
      element('button', { type: 'button', 'data-id': n.id, class: n.kind, title: n.name, 'aria-current': n === state.selected && 'true', onclick: () => select(n) },
        element('i', { class: 'dot' }), element('span', {}, n.name, n.foreign && element('small', {}, ` ${n.n.package_name}`)),
        MARK[n.state] && n.state !== 'pass' && element('b', { class: `state ${n.state}`, title: spoken(n) }, MARK[n.state], element('span', { class: 'hidden' }, ` ${spoken(n)}`)))))));
  }
  $('#found').textContent = words.length ? `${plural(shown.length, 'node')} of ${state.nodes.size}` : plural(shown.length, 'node');
}

function spoken(node) {
  const counts = {};
  for (const t of node.tests) counts[t.state] = (counts[t.state] ?? 0) + 1;
  const names = { error: 'in error', fail: 'failed', warn: 'warned', pass: 'passed', skipped: 'skipped', unknown: 'without an outcome' };
  const tests = Object.keys(names).filter((k) => counts[k]).map((k) => `${counts[k]} ${names[k]}`).join(', ');
  return [node.outcome?.status === 'error' && 'its last run failed', node.tests.length && `tests: ${tests}`].filter(Boolean).join('; ');
}

// ---- graph ----

let graph = null; // of what is shown now: {svg, layers, edges, marks: Map(id → element), width, height}
const measure = document.createElement('canvas').getContext('2d');

function subtitle(node) {
  const { n, kind } = node;
  const what = kind === 'exposure' ? n.type : kind === 'source' ? 'source' : kind === 'model' ? n.config?.materialized ?? 'model' : n.resource_type.replace('_', ' ');
  return [what, node.columns.length && plural(node.columns.length, 'column'), node.tests.length && plural(node.tests.length, 'test')].filter(Boolean).join(' · ');
}

function drawGraph() {
  const shown = state.only && state.selected ? new Set([state.selected, ...reach(state.selected, 'up'), ...reach(state.selected, 'down')]) : new Set(state.nodes.values());
  measure.font = '13px Inter, system-ui, "Segoe UI", Roboto, sans-serif';
  const boxes = [...shown].sort((a, b) => KINDS.findIndex(([k]) => k === a.kind) - KINDS.findIndex(([k]) => k === b.kind) || byName(a, b)).map((node) => {
    const label = cut(node.name, 34), sub = cut(subtitle(node), 40);
    return { id: node.id, node, label, sub, h: 44, w: Math.ceil(Math.max(measure.measureText(label).width + 42, measure.measureText(sub).width * 0.86 + 26)) };
  });
  const edges = [...shown].flatMap((n) => n.up.filter((u) => shown.has(u)).map((u) => [u.id, n.id]));
  const placed = layout(boxes, edges);
  const lines = drawing('g', { 'aria-hidden': 'true' }), dots = drawing('g', { role: 'group', 'aria-label': 'Nodes of the graph' });
  graph = { ...placed, marks: new Map(), lines: [], svg: drawing('svg', { role: 'group', 'aria-label': `Lineage of ${plural(shown.size, 'node')}` }, lines, dots) };
  for (const e of placed.edges) {
    const tip = e.points.at(-1);
    const line = drawing('path', { class: 'edge', d: curve(e.points) }), arrow = drawing('path', { class: 'arrow', d: `M${tip[0]} ${tip[1].toFixed(1)}l-7 -4v8z` });
    lines.append(line, arrow);
    graph.lines.push({ from: e.from, to: e.to, parts: [line, arrow] });
  }
  for (const layer of placed.layers) for (const b of layer) {
    dots.append(drawNode(b));
  }
  $('#graph').replaceChildren(graph.svg);
  if (!shown.size) $('#graph').replaceChildren(element('p', { class: 'muted', style: 'margin:auto' }, 'The project has no nodes.'));
  highlight();
}

function curve(points) {
  let d = `M${points[0][0]} ${points[0][1].toFixed(1)}`;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1], [x1, y1] = points[i], end = i === points.length - 1 ? x1 - 5 : x1, half = (x0 + end) / 2;
    d += Math.abs(y1 - y0) < 0.5 ? `H${end}` : `C${half} ${y0.toFixed(1)} ${half} ${y1.toFixed(1)} ${end} ${y1.toFixed(1)}`;
  }
  return d;
}

function drawNode(b) {
  const { node } = b;
  const stripe = drawing('rect', { class: 'stripe', x: 0, y: 6, width: 4, height: b.h - 12, rx: 2 });
  const color = node.n.docs?.node_color ?? node.n.config?.docs?.node_color;
  if (color && CSS.supports('color', color)) stripe.style.fill = color;
  const words = [node.name, subtitle(node), spoken(node)].filter(Boolean).join(', ');
  const g = drawing('g', { class: `node ${node.kind}`, transform: `translate(${b.x} ${b.y.toFixed(1)})`, role: 'button', tabindex: -1, 'data-id': node.id },
    drawing('title', {}, words),
    drawing('rect', { class: 'ring', x: -4, y: -4, width: b.w + 8, height: b.h + 8, rx: 11 }),
    drawing('rect', { class: 'box', x: 0, y: 0, width: b.w, height: b.h, rx: 8 }), stripe,
    drawing('text', { x: 14, y: 19, 'aria-hidden': true }, b.label), drawing('text', { class: 'sub', x: 14, y: 34, 'aria-hidden': true }, b.sub));
  if (MARK[node.state]) g.append(drawing('text', { class: `mark ${node.state}`, x: b.w - 9, y: 19, 'aria-hidden': true }, MARK[node.state]));
  graph.marks.set(node.id, g);
  return g;
}

function highlight() {
  const chosen = state.selected;
  const near = chosen ? new Set([...reach(chosen, 'up'), ...reach(chosen, 'down')].map((n) => n.id)) : new Set();
  const before = chosen ? new Set([chosen.id, ...[...reach(chosen, 'up')].map((n) => n.id)]) : near;
  const after = chosen ? new Set([chosen.id, ...[...reach(chosen, 'down')].map((n) => n.id)]) : near;
  graph.svg.classList.toggle('dim', Boolean(chosen));
  const first = graph.layers[0]?.[0]?.id;
  for (const [id, g] of graph.marks) {
    g.classList.toggle('on', near.has(id));
    g.classList.toggle('here', id === chosen?.id);
    g.setAttribute('aria-pressed', id === chosen?.id);
    g.setAttribute('tabindex', id === (chosen && graph.marks.has(chosen.id) ? chosen.id : first) ? 0 : -1);
  }
  for (const { from, to, parts } of graph.lines) {
    const on = (before.has(from) && before.has(to)) || (after.has(from) && after.has(to));
    for (const p of parts) p.classList.toggle('on', on);
    if (on) parts[0].parentNode.append(...parts);
  }
  $('#only').disabled = !chosen;
  $('#only').setAttribute('aria-pressed', state.only && Boolean(chosen));
  $('#whole').setAttribute('aria-pressed', !(state.only && chosen));
}

function zoom(to, fitted = false) {
  const box = $('#graph'), before = state.zoom;
  const x = (box.scrollLeft + box.clientWidth / 2) / before, y = (box.scrollTop + box.clientHeight / 2) / before;
  state.zoom = Math.min(2, Math.max(0.12, to));
  state.fitted = fitted;
  graph.svg.setAttribute('viewBox', `0 0 ${graph.width} ${graph.height}`);
  graph.svg.setAttribute('width', graph.width * state.zoom);
  graph.svg.setAttribute('height', graph.height * state.zoom);
  box.scrollLeft = x * state.zoom - box.clientWidth / 2;
  box.scrollTop = y * state.zoom - box.clientHeight / 2;
}

function fit(least = 0.12) {
  const box = $('#graph');
  zoom(Math.max(least, Math.min(1.15, (box.clientWidth - 4) / graph.width, (box.clientHeight - 4) / graph.height)), true);
}

function reveal(id) {
  const box = $('#graph'), b = graph.layers.flat().find((n) => n.id === id);
  if (!b) return;
  const x = (b.x + b.w / 2) * state.zoom, y = (b.y + b.h / 2) * state.zoom;
  const inside = x > box.scrollLeft + 60 && x < box.scrollLeft + box.clientWidth - 60 && y > box.scrollTop + 30 && y < box.scrollTop + box.clientHeight - 30;
  if (!inside) box.scrollLeft = x - box.clientWidth / 2, box.scrollTop = y - box.clientHeight / 2;
}

// ---- details ----

const link = (node) => element('button', { type: 'button', 'data-id': node.id, class: node.kind, onclick: () => select(node, true) }, element('i', { class: 'dot' }), node.name);

function drawDetails() {
  const box = $('#details'), node = state.selected;
  box.scrollTop = 0;
  if (!node) {
    box.replaceChildren(element('h2', {}, 'Nothing selected'), element('p', { class: 'muted' }, 'Choose a node in the list or the graph: what it is made of, what is made of it, its columns, tests and SQL appear here.'), ...troubles());
    return;
  }
  const { n } = node;
  const type = n.resource_type.replace('_', ' '), how = node.kind === 'model' && n.config?.materialized;
  box.replaceChildren(
    element('h2', {}, node.name),
    element('ul', { class: 'chips', 'aria-label': 'Kind and tags' }, element('li', { class: node.kind }, element('i', { class: 'dot' }), node.kind === 'exposure' ? `exposure: ${n.type}` : type), how && element('li', {}, how),
      ...node.tags.map((t) => element('li', {}, element('button', { type: 'button', title: `Nodes with the tag ${t}`, onclick: () => search(`tag:${t}`) }, t)))),
    n.description?.trim() ? prose(n.description) : element('p', { class: 'muted' }, 'No description.'),
    ...neighbours(node), ...columnTable(node), ...testList(node), ...sqlOf(node), ...facts(node));
}

function troubles() {
  const bad = [...state.nodes.values()].filter((n) => BAD[n.state] >= 2).sort((a, b) => BAD[b.state] - BAD[a.state] || byName(a, b));
  if (!bad.length) return [];
  return [element('h3', {}, 'Failed or warned in the last run'), element('ul', { class: 'tests' }, ...bad.map((n) => element('li', {}, element('b', { class: `state ${n.state}` }, MARK[n.state], ' ', n.state), element('div', {}, link(n), element('small', {}, spoken(n))))))];
}

function neighbours(node) {
  const side = (title, list, far) => element('div', {}, element('h3', {}, title, far > list.length && element('small', {}, ` ${far} in all`)), list.length ? element('ul', {}, ...[...list].sort(byName).map((o) => element('li', {}, link(o)))) : element('p', { class: 'muted' }, 'none'));
  return [element('div', { class: 'near' }, side('Made of', node.up, reach(node, 'up').size), side('Used by', node.down, reach(node, 'down').size))];
}

function columnTable(node) {
  if (!node.columns.length) return node.kind === 'exposure' || node.kind === 'other' ? [] : [element('h3', {}, 'Columns'), element('p', { class: 'muted' }, state.catalog ? 'None known: it is not in the database, and the project names none.' : 'None known. lakefm docs generate asks the database.')];
  const missing = node.columns.some((c) => c.missing), typed = node.columns.some((c) => c.type);
  const about = node.columns.some((c) => c.about);
  return [element('h3', {}, 'Columns ', element('small', {}, node.columns.length, !typed && ' · types come with lakefm docs generate')), element('div', { class: 'scroll' }, element('table', { id: 'columns' },
    element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'Name'), typed && element('th', { scope: 'col' }, 'Type'), about && element('th', { scope: 'col' }, 'Description'))),
    element('tbody', {}, ...node.columns.map((c) => element('tr', {}, element('td', { class: 'name' }, c.name, c.missing && ' *'), typed && element('td', { class: 'type' }, c.type), about && element('td', {}, c.about)))))),
    ...(missing ? [element('p', { class: 'muted' }, '* documented, but not in the database')] : [])];
}

function testTitle({ t }) {
  if (t.resource_type === 'unit_test') return `unit test ${t.name}`;
  const kind = t.test_metadata && [t.test_metadata.namespace, t.test_metadata.name].filter(Boolean).join('.');
  return kind ? (t.column_name ? `${t.column_name}: ${kind}` : kind) : t.name;
}

function testSays({ t, outcome, state: is }) {
  const given = Object.entries(t.test_metadata?.kwargs ?? {}).filter(([k]) => k !== 'model' && k !== 'column_name').map(([k, v]) => `${k} ${Array.isArray(v) ? v.join(', ') : typeof v === 'string' ? v : JSON.stringify(v)}`).join('; ');
  return [cut(given, 200), (is === 'fail' || is === 'warn') && outcome.failures !== null && plural(outcome.failures, 'row'), is === 'error' && cut(outcome.message ?? '', 400), t.description].filter(Boolean).join(' · ');
}

function testList(node) {
  if (!node.tests.length) return node.kind === 'exposure' || node.kind === 'other' ? [] : [element('h3', {}, 'Tests'), element('p', { class: 'muted' }, 'none')];
  return [element('h3', {}, 'Tests ', element('small', {}, node.tests.length, state.ran ? ` · last run ${state.ran}` : ' · not run yet: lakefm build')), element('ul', { class: 'tests', id: 'tests' }, ...node.tests.map((test) => {
    const says = testSays(test), sql = test.t.compiled_code ?? test.t.raw_code;
    return element('li', {}, element('b', { class: `state ${test.state}` }, MARK[test.state] ? `${MARK[test.state]} ${test.state}` : test.state === 'unknown' ? 'not run' : test.state),
      element('span', {}, testTitle(test), says && element('small', {}, says), sql && element('details', {}, element('summary', {}, 'SQL'), colored(sql))));
  }))];
}

function sqlOf(node) {
  const texts = { raw: node.n.raw_code?.trim(), compiled: node.n.compiled_code?.trim() };
  if (!texts.raw) return [];
  const kind = texts[state.sql] ? state.sql : 'raw';
  const tab = (name, title) => element('button', { type: 'button', 'aria-pressed': String(kind === name), disabled: !texts[name], title: !texts[name] && 'It was not compiled: lakefm docs generate', onclick: () => change(name) }, title);
  const change = (name) => {
    state.sql = name;
    section.replaceChildren(...sqlOf(node)[0].childNodes);
    section.querySelector('[aria-pressed="true"]').focus();
  };
  const copy = element('button', { type: 'button', onclick: () => navigator.clipboard?.writeText(texts[kind]).then(() => say('copied'), () => say('the browser does not allow it')) }, 'Copy');
  const section = element('div', { id: 'sql' }, element('div', { class: 'sqlbar' }, element('h3', {}, node.n.language === 'python' ? 'Python' : 'SQL'), element('div', {}, element('div', { class: 'segments', role: 'group', 'aria-label': 'Which SQL' }, tab('raw', 'As written'), tab('compiled', 'Compiled')), copy)), colored(texts[kind]));
  return [section];
}

// Comments, Jinja, strings and the commonest words; what is not recognised is plain.
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?\*\/|\{#[\s\S]*?#\})|(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\})|('(?:[^']|'')*')|\b(with|select|from|where|group|order|by|having|qualify|join|left|right|inner|outer|full|cross|on|using|as|and|or|not|in|is|null|case|when|then|else|end|union|all|distinct|limit|over|partition|between|like|exists|cast|asc|desc|interval|true|false|window|values|except|intersect|lateral|unnest)\b/gi;
function colored(sql) {
  const pre = element('pre', { tabindex: 0, 'aria-label': 'SQL' });
  let at = 0;
  for (const m of sql.matchAll(TOKEN)) {
    pre.append(sql.slice(at, m.index), element(m[1] ? 's' : m[2] ? 'u' : m[3] ? 'i' : 'b', {}, m[0]));
    at = m.index + m[0].length;
  }
  pre.append(sql.slice(at));
  return pre;
}

function facts(node) {
  const { n, outcome } = node;
  const web = /^https?:\/\//.test(n.url ?? '') ? element('a', { href: n.url, rel: 'noreferrer noopener', target: '_blank' }, n.url) : n.url;
  const owner = n.owner && [n.owner.name, n.owner.email].flat().filter(Boolean).join(', ');
  const rows = [['File', n.original_file_path], ['Relation', n.relation_name], ['Last run', outcome && [outcome.status, outcome.message, outcome.execution_time && `${outcome.execution_time.toFixed(2)} s`].filter(Boolean).join(' · ')], ['Package', node.foreign && n.package_name], ['Owner', owner], ['Maturity', n.maturity], ['Address', web], ['Loader', n.loader], ['Group', n.group], ['Access', n.access && n.access !== 'protected' && n.access], ['Contract', n.contract?.enforced && 'enforced'], ...Object.entries(n.meta ?? {}).map(([k, v]) => [k, typeof v === 'string' ? v : JSON.stringify(v)])].filter(([, v]) => v);
  return rows.length ? [element('h3', {}, 'More'), element('dl', { id: 'facts' }, ...rows.flatMap(([k, v]) => [element('dt', {}, k), element('dd', {}, v)]))] : [];
}

// ---- what the reader does ----

const say = (text) => ($('#speech').textContent = text);

function address() {
  return `${location.pathname}${state.only ? '?only=1' : ''}${state.selected ? `#${encodeURIComponent(state.selected.id)}` : ''}`;
}

function show(redraw) {
  if (redraw || (state.only && graph.of !== state.selected)) {
    drawGraph();
    graph.of = state.only ? state.selected : null;
    fit(READABLE);
  } else highlight();
  if (state.selected) reveal(state.selected.id);
  drawDetails();
  for (const b of document.querySelectorAll('#list button')) {
    if (b.dataset.id === state.selected?.id) b.setAttribute('aria-current', 'true'), b.scrollIntoView({ block: 'nearest' });
    else b.removeAttribute('aria-current');
  }
  document.title = `${state.selected ? `${state.selected.name} · ` : ''}Lineage · lakefm`;
}

// follow: the focus goes along, to the node in the graph (a link of the details is gone once they are drawn anew).
function select(node, follow = false) {
  if (node === state.selected) return;
  const was = state.only;
  state.selected = node;
  if (!node) state.only = false;
  history.pushState(null, '', address());
  show(was !== state.only);
  if (follow) (node && graph.marks.get(node.id) ? graph.marks.get(node.id) : $('#details')).focus({ preventScroll: true });
  say(node ? `${node.name}, ${subtitle(node)}` : 'nothing selected');
}

function onlyLineage(only) {
  if (only === state.only || (only && !state.selected)) return;
  state.only = only;
  history.pushState(null, '', address());
  show(true);
}

function fromAddress() {
  let id = location.hash.slice(1);
  try { id = decodeURIComponent(id); } catch { /* as it is */ }
  state.selected = state.nodes.get(id) ?? null;
  state.only = Boolean(state.selected) && new URLSearchParams(location.search).has('only');
}

function search(text) {
  $('#search').value = text;
  drawList();
  $('#search').focus();
}

// Arrows: along an edge, or within the layer.
function step(id, key) {
  const row = graph.layers.find((l) => l.some((n) => n.id === id)), here = row.findIndex((n) => n.id === id);
  if (key === 'ArrowUp' || key === 'ArrowDown') return row[here + (key === 'ArrowUp' ? -1 : 1)]?.id;
  const node = state.nodes.get(id), side = key === 'ArrowLeft' ? node.up : node.down;
  const y = row[here].y, places = graph.layers.flat().filter((n) => side.some((s) => s.id === n.id));
  return places.sort((a, b) => Math.abs(a.y - y) - Math.abs(b.y - y))[0]?.id;
}

function onGraphKey(event) {
  const id = event.target.closest?.('.node')?.dataset.id;
  if (!id) return;
  if (event.key.startsWith('Arrow')) {
    const next = step(id, event.key);
    event.preventDefault();
    if (!next) return;
    reveal(next);
    graph.marks.get(next).focus({ preventScroll: true });
  } else if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault();
    select(state.nodes.get(id), true);
  }
}

function onListKey(event) {
  const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!move) return;
  const buttons = [...document.querySelectorAll('#list button')], here = buttons.indexOf(document.activeElement);
  event.preventDefault();
  if (here + move < 0) $('#search').focus();
  else buttons[here + move]?.focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.id === 'search';
  if (event.key === 'Escape') {
    if (typing && $('#search').value) search('');
    else select(null);
  } else if (!typing) {
    const keys = { '/': () => $('#search').focus(), '+': () => zoom(state.zoom * 1.25), '-': () => zoom(state.zoom / 1.25), 0: () => fit(), d: () => $('#theme').click() };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}

function dragging() {
  const box = $('#graph');
  let from = null, moved = false;
  box.addEventListener('pointerdown', (e) => {
    moved = false;
    if (e.button === 0 && e.pointerType === 'mouse') from = { x: e.clientX, y: e.clientY, left: box.scrollLeft, top: box.scrollTop };
  });
  window.addEventListener('pointermove', (e) => {
    if (!from) return;
    if (Math.abs(e.clientX - from.x) + Math.abs(e.clientY - from.y) > 4) moved = true, box.classList.add('dragging');
    if (moved) box.scrollLeft = from.left - (e.clientX - from.x), box.scrollTop = from.top - (e.clientY - from.y);
  });
  window.addEventListener('pointerup', () => {
    from = null;
    box.classList.remove('dragging');
  });
  box.addEventListener('click', (e) => {
    const id = e.target.closest('.node')?.dataset.id;
    if (!moved) select(id ? state.nodes.get(id) : null, Boolean(id));
  });
  box.addEventListener('wheel', (e) => {
    if (!e.ctrlKey) return;
    e.preventDefault();
    zoom(state.zoom * Math.exp(-e.deltaY / 300));
  }, { passive: false });
}

function theme(kept = new URLSearchParams(location.search).get('theme')) {
  const dark = kept ? kept === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  $('#theme').textContent = dark ? 'Light' : 'Dark';
  $('#theme').title = `${dark ? 'Light' : 'Dark'} colours (D)`;
}

function wire() {
  $('#search').addEventListener('input', drawList);
  $('#search').addEventListener('keydown', (e) => {
    const first = $('#list button');
    if (e.key === 'Enter' && first) first.click();
    if (e.key === 'ArrowDown' && first) e.preventDefault(), first.focus();
  });
  $('#list').addEventListener('keydown', onListKey);
  $('#graph').addEventListener('keydown', onGraphKey);
  $('#whole').addEventListener('click', () => onlyLineage(false));
  $('#only').addEventListener('click', () => onlyLineage(true));
  $('#smaller').addEventListener('click', () => zoom(state.zoom / 1.25));
  $('#larger').addEventListener('click', () => zoom(state.zoom * 1.25));
  $('#fit').addEventListener('click', () => fit());
  document.addEventListener('keydown', onKey);
  window.addEventListener('popstate', () => {
    const only = state.only;
    fromAddress();
    show(only !== state.only);
  });
  new ResizeObserver(() => graph && state.fitted && fit(READABLE)).observe($('#graph'));
  dragging();
}

async function start() {
  theme();
  let chosen = null;
  $('#theme').addEventListener('click', () => theme((chosen = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark')));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => chosen || theme());
  try {
    const manifest = await artifact('manifest.json', true);
    const [catalog, results] = await Promise.all([artifact('catalog.json'), artifact('run_results.json')]);
    const command = results?.args?.which, ran = ['build', 'test', 'run', 'seed', 'snapshot', 'retry'].includes(command);
    state.catalog = Boolean(catalog);
    state.ran = ran ? new Date(results.metadata.generated_at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }) : '';
    read(manifest, catalog, ran ? results : null);
    $('#project').textContent = manifest.metadata.project_name ?? '';
    const counts = KINDS.map(([kind, title]) => [[...state.nodes.values()].filter((n) => n.kind === kind).length, title.toLowerCase()]).filter(([n]) => n);
    $('#summary').textContent = [...counts.map(([n, title]) => plural(n, title.slice(0, -1))), plural(state.tests.size, 'test'), `compiled ${new Date(manifest.metadata.generated_at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })}`].join(' · ');
    $('#legend').replaceChildren(...KINDS.filter(([kind]) => [...state.nodes.values()].some((n) => n.kind === kind)).map(([kind, title]) => element('li', { class: kind }, element('i', { class: 'dot' }), title.toLowerCase())));
  } catch (e) {
    $('#banner').textContent = e.message;
    $('#banner').hidden = false;
    return;
  }
  fromAddress();
  if (!state.selected && state.nodes.size > MANY) {
    state.selected = [...state.nodes.values()].filter((n) => n.kind === 'model').sort((a, b) => reach(b, 'up').size - reach(a, 'up').size)[0] ?? null;
    state.only = Boolean(state.selected);
    history.replaceState(null, '', address());
  }
  drawList();
  wire();
  show(true);
  document.body.dataset.ready = 'true';
}
start();
