// Numbers, dates and texts as the page shows them.
// Formatters are made once, and when they are needed: toLocaleDateString makes one for each call, which took 100 ms of the
// first paint; making one takes some 8 ms.
const once = (make) => { let made; return () => (made ??= make()); };
const whole = once(() => new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 }));
const short = once(() => new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 }));
const fine = once(() => new Intl.NumberFormat('en-GB', { maximumSignificantDigits: 4 }));

export const isNumber = (v) => typeof v === 'number';
export const exact = (v) => (!isNumber(v) ? String(v ?? '–') : Number.isInteger(v) ? whole().format(v) : fine().format(v));
export const brief = (v) => (!isNumber(v) ? String(v ?? '–') : Math.abs(v) >= 10000 ? short().format(v) : Number.isInteger(v) ? whole().format(v) : fine().format(v));
export const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
export const weekdayNames = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

const utc = (text) => new Date(`${text.slice(0, 10)}T00:00:00Z`);
const day = (options) => { const f = once(() => new Intl.DateTimeFormat('en-GB', { day: 'numeric', timeZone: 'UTC', ...options })); return (text) => f().format(utc(text)); };
export const dayShort = day({ month: 'short' });
export const dayLong = day({ weekday: 'long', month: 'long', year: 'numeric' });
export const dayWeek = day({ weekday: 'short', month: 'short' });
const clocks = new Map();
export function clock(ms, zone) {
  if (!clocks.has(zone)) clocks.set(zone, new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: zone }));
  return clocks.get(zone).format(ms);
}
const moments = once(() => new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' }));
export const moment = (ms) => moments().format(ms);
export const isoDay = (ms) => new Date(ms).toISOString().slice(0, 10);
export const addDays = (text, n) => isoDay(utc(text).getTime() + n * 86400000);

export function ago(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}
export const label = (name) => name.replace(/_/g, ' ').replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
