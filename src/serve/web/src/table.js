// A real table: sortable, searchable, the same numbers as the chart.
import { el } from './dom.js';
import { exact, isNumber, label } from './format.js';

// The returned element has update(data): new rows, while order, search, scroll and focus stay.
export function table(first, caption, { search = true, limit = 500 } = {}) {
  let data = first;
  const numeric = data.columns.map((_, c) => data.rows.some((r) => isNumber(r[c])));
  let order = null, down = false, needle = '';
  const body = el('tbody');
  const note = el('caption', {}, caption);
  function draw() {
    let rows = data.rows;
    if (needle) rows = rows.filter((r) => r.some((v) => String(v ?? '').toLowerCase().includes(needle)));
    if (order !== null) rows = [...rows].sort((a, b) => { const x = a[order], y = b[order]; const s = x === y ? 0 : x === null ? 1 : y === null ? -1 : x > y ? 1 : -1; return down ? -s : s; });
    body.replaceChildren(...rows.slice(0, limit).map((r) => el('tr', {}, r.map((v, c) => el(c === 0 ? 'th' : 'td', { class: numeric[c] ? 'n' : '', scope: c === 0 ? 'row' : false }, v === null ? '–' : el('bdi', {}, /id$/i.test(data.columns[c].name) ? String(v) : exact(v)))))));
    note.textContent = `${caption}${rows.length > limit ? `, the first ${limit} of ${exact(rows.length)} rows` : `, ${exact(rows.length)} rows`}${data.truncated ? ' (cut)' : ''}`;
  }
  const heads = data.columns.map((c, i) =>
    el('th', { scope: 'col', class: numeric[i] ? 'n' : '' }, el('button', { type: 'button', onclick: (e) => {
      down = order === i ? !down : numeric[i];
      order = i;
      for (const th of heads) th.removeAttribute('aria-sort');
      e.target.closest('th').setAttribute('aria-sort', down ? 'descending' : 'ascending');
      draw();
    } }, label(c.name))));
  const field = search && data.rows.length > 8 ? el('input', { type: 'search', placeholder: 'Search the rows', 'aria-label': `Search the rows of ${caption}`, oninput: (e) => { needle = e.target.value.toLowerCase(); draw(); } }) : null;
  draw();
  const root = el('div', { class: 'table' }, field, el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption }, el('table', {}, note, el('thead', {}, el('tr', {}, heads)), body)));
  root.update = (fresh) => { if (fresh !== data) { data = fresh; draw(); } };
  return root;
}
