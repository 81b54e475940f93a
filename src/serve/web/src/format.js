// Numbers, dates and texts as the page shows them.
const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });
const fine = new Intl.NumberFormat('en-GB', { maximumSignificantDigits: 4 });

export const isNumber = (v) => typeof v === 'number';
export const exact = (v) => (!isNumber(v) ? String(v ?? '–') : Number.isInteger(v) ? whole.format(v) : fine.format(v));
export const brief = (v) => (!isNumber(v) ? String(v ?? '–') : Math.abs(v) >= 10000 ? short.format(v) : Number.isInteger(v) ? whole.format(v) : fine.format(v));
export const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
export const weekdayNames = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

const utc = (text) => new Date(`${text.slice(0, 10)}T00:00:00Z`);
export const dayShort = (text) => utc(text).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
export const dayLong = (text) => utc(text).toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
export const dayWeek = (text) => utc(text).toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
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
