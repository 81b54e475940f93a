// The viewer's time zone. Hours can be shown in it; the days of the marts are UTC days and stay so, and the page says that.
const parts = new Map();
// Minutes that the zone is ahead of UTC at that moment.
export function offset(zone, ms) {
  if (!parts.has(zone)) parts.set(zone, new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }));
  const text = parts.get(zone).formatToParts(ms).find((p) => p.type === 'timeZoneName').value;
  const m = /GMT([+-])(\d\d):(\d\d)/.exec(text);
  return m ? (m[1] === '-' ? -1 : 1) * (60 * Number(m[2]) + Number(m[3])) : 0;
}
export const known = (zone) => { try { offset(zone, 0); return true; } catch { return false; } };
// One offset for all days from first to last, or null when the clock changes between them.
function steady(zone, first, last) {
  const from = Date.parse(first), to = Date.parse(last) + 86400000, one = offset(zone, from);
  for (let t = from; t <= to; t += 86400000) if (offset(zone, t) !== one) return null;
  return one;
}
// The answer as the zone sees it: {data, note}. Only what is exact is shifted.
export function inZone(chart, data, zone) {
  const at = Object.fromEntries(data.columns.map((c, i) => [c.name, i]));
  if (!zone || !data.rows.length) return { data, note: chart.kind === 'heatmap' || chart.time === 'hour' ? 'Hours in UTC.' : '' };
  if (chart.time === 'hour') {
    const rows = data.rows.map((r) => { const ms = Date.parse(`${r[at[chart.x]].replace(' ', 'T')}:00Z`); const copy = [...r]; copy[at[chart.x]] = new Date(ms + offset(zone, ms) * 60000).toISOString().slice(0, 16).replace('T', ' '); return copy; });
    return { data: { ...data, rows }, note: `Hours in ${zone}.` };
  }
  if (chart.kind !== 'heatmap') return { data, note: chart.time === 'date' || chart.kind === 'weekdays' ? 'Days stay UTC.' : '' };
  if (at.first_date === undefined) return { data, note: 'Hours in UTC.' };
  const first = data.rows.reduce((m, r) => (r[at.first_date] < m ? r[at.first_date] : m), '9'), last = data.rows.reduce((m, r) => (r[at.last_date] > m ? r[at.last_date] : m), '');
  const minutes = steady(zone, first, last);
  if (minutes === null) return { data, note: `Hours in UTC: the clock of ${zone} changes within these dates.` };
  if (minutes % 60) return { data, note: `Hours in UTC: ${zone} is not a whole number of hours away.` };
  const rows = data.rows.map((r) => { const copy = [...r]; const h = (((r[at[chart.series]] - 1) * 24 + r[at[chart.x]] + minutes / 60) % 168 + 168) % 168; copy[at[chart.series]] = Math.floor(h / 24) + 1; copy[at[chart.x]] = h % 24; return copy; });
  return { data: { ...data, rows }, note: `Hours in ${zone}; the dates of the range are UTC.` };
}
