// What is shown: all of it is in the address, in plain words, so that a link is the view. Relative ranges stay relative.
import { addDays } from './format.js';

export const filters = ['level', 'user', 'state', 'song', 'artist', 'day', 'weekday', 'search', 'reason'];
const chipNames = ['song', 'artist', 'day', 'weekday', 'reason', 'search'];
const listeners = [];
export const view = { board: '', days: '', from: '', to: '', zone: '', theme: '', embed: '', card: '', open: '' };
for (const f of filters) view[f] = '';

function read() {
  const q = new URLSearchParams(location.search);
  for (const key of Object.keys(view)) if (key !== 'board') view[key] = q.get(key) ?? '';
  if (!/^\d*$/.test(view.days)) view.days = '';
  view.board = decodeURIComponent(location.pathname.slice(1));
}
export function address(changes = {}) {
  const now = { ...view, ...changes };
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(now)) if (key !== 'board' && value) q.set(key, value);
  const text = q.toString();
  return `/${encodeURIComponent(now.board)}${text ? `?${text}` : ''}`;
}
export function change(changes, replace = false) {
  const changed = Object.keys(changes).filter((k) => view[k] !== changes[k]);
  if (!changed.length) return;
  Object.assign(view, changes);
  history[replace ? 'replaceState' : 'pushState'](null, '', address());
  for (const f of listeners) f(changed);
}
export const onChange = (f) => listeners.push(f);
export function start() {
  read();
  addEventListener('popstate', () => {
    const before = { ...view };
    read();
    const changed = Object.keys(view).filter((k) => view[k] !== before[k]);
    for (const f of listeners) f(changed);
  });
}
// The dates meant, given the newest day of data.
export function range(newest) {
  if (view.days && newest) return { from: addDays(newest, 1 - Number(view.days)), to: newest };
  return { from: view.from, to: view.to };
}
export const chips = () => chipNames.filter((n) => view[n]);
