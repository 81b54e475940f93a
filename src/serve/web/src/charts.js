// Chart kinds that are drawn by ECharts: bars, line, weekdays, heatmap, cohorts. Each returns an option and how to speak of a
// point. Colours come from the page's CSS, so that a change of theme is a redraw.
import { addDays, brief, dayLong, dayShort, exact, label, weekdayNames, weekdays } from './format.js';

// The engine is large: it is asked for at once, and evaluated while figures and lists are shown already.
let coming;
export const engine = () => (coming ??= import('./engine.js').catch((error) => { coming = null; throw error; }));
// One new chart a frame, so that what is ready is painted before the next one is made.
let turn = Promise.resolve();
export const nextTurn = () => (turn = turn.then(() => new Promise((done) => (document.hidden ? done() : requestAnimationFrame(() => setTimeout(done))))));

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
export const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

function base() {
  return {
    animation: !calm(),
    animationDuration: 0,
    animationDurationUpdate: 300,
    aria: { enabled: false },
    textStyle: { fontFamily: 'inherit', color: css('text') },
    color: [css('accent'), css('accent2'), css('good'), css('muted')],
    grid: { left: 8, right: 16, top: 16, bottom: 4, containLabel: true },
    tooltip: { trigger: 'axis', confine: true, transitionDuration: 0, backgroundColor: css('card'), borderColor: css('line'), textStyle: { color: css('text'), fontSize: 13 }, axisPointer: { type: 'shadow', shadowStyle: { color: css('track'), opacity: 0.6 } } },
  };
}
const axis = () => ({ axisLine: { lineStyle: { color: css('ctl') } }, axisTick: { show: false }, axisLabel: { color: css('muted'), fontSize: 12, hideOverlap: true }, splitLine: { lineStyle: { color: css('line') } } });
const valueAxis = () => ({ type: 'value', ...axis(), axisLine: { show: false }, axisLabel: { color: css('muted'), fontSize: 12, formatter: brief } });
const tip = (lines) => { const box = document.createElement('div'); lines.forEach((l, i) => { const d = document.createElement('div'); if (i === 0) d.style.fontWeight = 600; d.textContent = l; box.append(d); }); return box; };

// Rows as objects.
export const objects = (data) => data.rows.map((r) => Object.fromEntries(data.columns.map((c, i) => [c.name, r[i]])));

// Days without data are gaps, not zeros: the axis has every day from the first to the last.
function everyDay(rows, x) {
  const byDay = new Map(rows.map((r) => [r[x], r]));
  const days = [];
  const first = rows[0]?.[x], last = rows.at(-1)?.[x];
  const step = Math.max(86400000, rows.slice(1).reduce((m, r, i) => Math.min(m, Date.parse(r[x]) - Date.parse(rows[i][x])), Infinity)); // weeks stay weeks
  for (let t = Date.parse(first); t <= Date.parse(last); t += Number.isFinite(step) ? step : 86400000) days.push(new Date(t).toISOString().slice(0, 10));
  return days.length > 2000 || days.length < rows.length ? { days: rows.map((r) => r[x]), byDay } : { days, byDay };
}

export function series(chart, data, context) {
  const rows = objects(data);
  const kind = { bars, line: bars, weekdays: weekdayBars, heatmap: heat, cohorts: heat }[chart.kind];
  return kind(chart, rows, context);
}

const MOST_DAYS = 180; // bars in view; above it they are weeks
const monday = (d) => addDays(d, -((new Date(`${d}T00:00:00Z`).getUTCDay() + 6) % 7));
// Days added up by ISO week. `whole`: seven days of the range, all of them over.
function byWeek(chart, days, byDay, open) {
  const weeks = new Map();
  for (const d of days) {
    const at = monday(d);
    if (!weeks.has(at)) weeks.set(at, { [chart.x]: at, from: d, count: 0, whole: true, week: true });
    const w = weeks.get(at), r = byDay.get(d);
    w.to = d;
    w.count++;
    if (open(d)) w.whole = false;
    for (const y of chart.y) if (r && r[y] !== null) w[y] = (w[y] ?? 0) + Number(r[y]);
  }
  for (const w of weeks.values()) {
    if (w.count < 7) w.whole = false;
    for (const y of chart.y) w[y] ??= null;
  }
  return weeks;
}
// Is that a chart whose bars are weeks while so much of it is in view?
export const inWeeks = (chart, days, zoom) => chart.kind === 'bars' && chart.weeks === 'sum' && chart.time === 'date' && (days * ((zoom.end ?? 100) - (zoom.start ?? 0))) / 100 > MOST_DAYS;

function bars(chart, rows, { unfinished, zoom, selected }) {
  const dated = chart.time === 'date' && rows.length > 0;
  let { days, byDay } = dated ? everyDay(rows, chart.x) : { days: rows.map((r) => String(r[chart.x])), byDay: new Map(rows.map((r) => [String(r[chart.x]), r])) };
  const line = chart.kind === 'line';
  let open = (d) => dated && unfinished && d >= unfinished;
  const main = chart.y[0], dayCount = days.length, weekly = dated && inWeeks(chart, dayCount, zoom);
  if (weekly) {
    byDay = byWeek(chart, days, byDay, open);
    days = [...byDay.keys()];
    rows = [...byDay.values()];
    open = (d) => !byDay.get(d).whole;
  }
  const done = rows.filter((r) => r[main] !== null && !open(r[chart.x]));
  const mean = done.length ? done.reduce((s, r) => s + Number(r[main]), 0) / done.length : 0;
  const best = done.reduce((m, r) => (m === null || r[main] > m[main] ? r : m), null);
  const striped = { borderColor: css('accent'), borderWidth: 1, decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [3, 4], rotation: -0.7, color: css('card') }, opacity: 0.75 };
  const option = {
    ...base(),
    grid: { left: 8, right: dated && !line ? 74 : 16, top: chart.y.length > 1 ? 34 : 16, bottom: dated && dayCount > 45 ? 36 : 4, containLabel: true },
    legend: chart.y.length > 1 ? { top: 0, left: 0, textStyle: { color: css('muted') }, itemWidth: 18, itemHeight: 8, icon: 'roundRect' } : undefined,
    xAxis: { type: 'category', data: days, ...axis(), axisLabel: { ...axis().axisLabel, interval: chart.time === 'hour' ? (i, v) => v.endsWith(' 00:00') : 'auto', formatter: (v) => (dated || chart.time === 'hour' ? dayShort(v) : v) } },
    yAxis: valueAxis(),
    dataZoom: dated && dayCount > 45 ? [{ type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, moveOnMouseMove: false, ...zoom }, { type: 'slider', height: 18, bottom: 6, borderColor: css('line'), fillerColor: css('track'), handleStyle: { color: css('accent') }, labelFormatter: (_, v) => dayShort(v), textStyle: { color: css('muted') }, dataBackground: { lineStyle: { color: css('ctl') }, areaStyle: { color: css('track') } }, ...zoom }] : undefined,
    series: chart.y.map((y, i) => ({
      name: label(y),
      type: line ? 'line' : 'bar',
      barCategoryGap: '22%',
      itemStyle: line ? undefined : { borderRadius: [2, 2, 0, 0] },
      showSymbol: false,
      lineStyle: { width: 2, type: i === 1 ? 'dashed' : i === 2 ? 'dotted' : 'solid' },
      connectNulls: false,
      data: days.map((d) => {
        const v = line && open(d) ? null : byDay.get(d)?.[y] ?? null;
        if (selected.has(d)) return { value: v, itemStyle: { color: css('accent2'), borderRadius: [2, 2, 0, 0] } };
        return open(d) && !line ? { value: v, itemStyle: striped } : v;
      }),
      markLine: dated && !line && i === 0 && done.length > 1 ? { silent: true, symbol: 'none', animation: false, lineStyle: { color: css('accent2'), type: 'dashed' }, label: { color: css('accent2'), formatter: `mean ${brief(Math.round(mean))}`, position: 'end', fontSize: 12 }, data: [{ yAxis: mean }] } : undefined,
    })),
  };
  const words = (d) => (weekly ? `Week of ${dayLong(d)}` : dated ? dayLong(d) : chart.time === 'hour' ? `${dayLong(d)}, ${d.slice(11)}` : `${label(chart.x)} ${d}`);
  const speak = (i) => {
    const r = byDay.get(days[i]);
    if (!r) return `${words(days[i])}: no data`;
    return `${words(days[i])}: ${chart.y.map((y) => `${exact(r[y])} ${chart.y.length > 1 || !chart.unit ? label(y) : chart.unit}`).join(', ')}${open(days[i]) ? (weekly ? ', not a whole week' : ', the day is not over') : ''}`;
  };
  option.tooltip.formatter = (p) => tip(speak((Array.isArray(p) ? p[0] : p).dataIndex).split(': ').flatMap((t, i) => (i ? t.split(', ') : t)));
  const parts = rows.some((r) => open(r[chart.x])) ? (weekly ? '; striped weeks are not whole' : '; the last day is not over') : '';
  const finding = dated && best ? `${weekly ? 'By week, as more than 180 days are in view. Highest week of' : 'Highest'} ${dayShort(best[chart.x])} with ${exact(best[main])}${parts}.` : '';
  const dates = (a, b) => { const [i, j] = a < b ? [a, b] : [b, a]; return weekly ? { from: rows[i].from, to: rows[j].to } : { from: days[i], to: days[j] }; };
  return { option, count: days.length, dayCount, weekly, speak, row: (i) => byDay.get(days[i]), finding: line ? '' : finding, dates: dated ? dates : null };
}

function weekdayBars(chart, rows, { selected }) {
  const by = new Map(rows.map((r) => [Number(r[chart.x]), r]));
  const y = chart.y[0];
  const sorted = [...rows].filter((r) => r[y] !== null).sort((a, b) => b[y] - a[y]);
  const option = {
    ...base(),
    grid: { left: 8, right: 8, top: 24, bottom: 4, containLabel: true },
    xAxis: { type: 'category', data: weekdays, ...axis() },
    yAxis: { ...valueAxis(), show: false, max: 'dataMax' },
    series: [{ type: 'bar', barCategoryGap: '30%', itemStyle: { borderRadius: [3, 3, 0, 0] }, label: { show: true, position: 'top', color: css('text'), formatter: (p) => brief(Math.round(p.value * 10) / 10) }, data: weekdays.map((_, i) => ({ value: by.get(i + 1)?.[y] ?? null, itemStyle: selected.has(String(i + 1)) ? { color: css('accent2') } : by.get(i + 1)?.days === 1 ? { opacity: 0.7, decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [3, 4], rotation: -0.7, color: css('card') } } : undefined })) }],
  };
  const speak = (i) => { const r = by.get(i + 1); return r ? `${weekdayNames[i]}: ${exact(r[y])} ${chart.unit ?? label(y)}${r.days === 1 ? `, one ${weekdayNames[i]} only` : ''}` : `${weekdayNames[i]}: no data`; };
  option.tooltip.formatter = (p) => tip(speak(p[0].dataIndex).split(/: |, /));
  return { option, count: 7, speak, row: (i) => by.get(i + 1), finding: sorted.length > 1 ? `Most on ${weekdays[sorted[0][chart.x] - 1]}, least on ${weekdays[sorted.at(-1)[chart.x] - 1]}.` : '' };
}

function heat(chart, rows) {
  const cohorts = chart.kind === 'cohorts';
  const y = chart.y[0];
  const xs = [...new Set(rows.map((r) => r[chart.x]))].sort((a, b) => a - b);
  const ss = [...new Set(rows.map((r) => r[chart.series]))].sort((a, b) => (a > b ? 1 : -1));
  if (!cohorts) for (let i = 1; i <= 7; i++) if (!ss.includes(i)) ss.push(i);
  ss.sort((a, b) => (a > b ? 1 : -1)).reverse();
  const name = (s) => (cohorts ? dayShort(s) : weekdays[s - 1]);
  const most = Math.max(...rows.filter((r) => !cohorts || r[chart.x] > 0).map((r) => r[y]), 0);
  const shown = (v) => (cohorts ? `${Math.round(v * 100)} %` : brief(v));
  const option = {
    ...base(),
    grid: { left: 8, right: 8, top: 6, bottom: 4, containLabel: true },
    xAxis: { type: 'category', data: xs.map(String), ...axis(), splitArea: { show: false }, splitLine: { show: false }, axisLabel: { ...axis().axisLabel, formatter: (v) => (cohorts ? `week ${v}` : v) } },
    yAxis: { type: 'category', data: ss.map(name), ...axis(), splitLine: { show: false } },
    visualMap: { show: false, min: 0, max: most || 1, inRange: { color: [css('track'), css('accent')] } },
    series: [{ type: 'heatmap', itemStyle: { borderColor: css('card'), borderWidth: 2, borderRadius: 3 }, label: cohorts ? { show: true, formatter: (p) => shown(p.value[2]) } : undefined, data: rows.map((r) => ({ value: [xs.indexOf(r[chart.x]), ss.indexOf(r[chart.series]), r[y]], label: { color: r[y] > 0.6 * most ? css('card') : css('text') } })) }],
  };
  option.tooltip.trigger = 'item';
  const speak = (i) => { const r = rows[i]; return r ? (cohorts ? `Cohort of ${dayLong(r[chart.series])}, week ${r[chart.x]}: ${shown(r[y])} came back` : `${weekdayNames[r[chart.series] - 1]} ${r[chart.x]}:00: ${exact(r[y])} ${chart.unit ?? ''}`) : ''; };
  option.tooltip.formatter = (p) => tip(speak(p.dataIndex).split(': '));
  const top = rows.reduce((m, r) => (m === null || r[y] > m[y] ? r : m), null);
  return { option, count: rows.length, speak, row: (i) => rows[i], finding: !cohorts && top ? `Busiest ${weekdays[top[chart.series] - 1]} at ${top[chart.x]}:00.` : '' };
}
