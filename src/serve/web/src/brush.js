// Days drawn over are the date filter: with the mouse, or with Shift and the arrow keys and Enter. The link then holds from and to.
import { el, say } from './dom.js';
import { dayShort } from './format.js';
import { change } from './view.js';

const LEAST_PX = 6; // less is a click

export class Brush {
  constructor(card) { Object.assign(this, { card, from: null, to: null }); }
  // Only where days are drawn, and the chart's SQL follows from and to.
  possible() {
    const { chart, drawn } = this.card;
    return !!drawn?.dates && chart.filters.includes('from') && chart.filters.includes('to');
  }
  listen(view) {
    const zr = view.getZr();
    const at = (x) => Math.max(0, Math.min(this.card.drawn.count - 1, view.convertFromPixel({ xAxisIndex: 0 }, x)));
    zr.on('mousedown', (e) => {
      if (!this.possible() || e.event.button || e.event.zrByTouch || e.event.type.startsWith('touch') || !view.containPixel({ gridIndex: 0 }, [e.offsetX, e.offsetY])) return;
      const box = this.card.plot.getBoundingClientRect(), x0 = e.event.clientX, index = at(e.offsetX);
      const move = (m) => {
        if (this.from === null && Math.abs(m.clientX - x0) < LEAST_PX) return;
        this.show(index, at(m.clientX - box.left));
      };
      const end = (m) => {
        for (const [name, f] of [['pointermove', move], ['pointerup', end], ['pointercancel', end], ['keydown', key]]) removeEventListener(name, f, true);
        if (m.type === 'pointerup') this.take();
        this.clear();
      };
      const key = (k) => { if (k.key === 'Escape') { k.stopPropagation(); end(k); } };
      for (const [name, f] of [['pointermove', move], ['pointerup', end], ['pointercancel', end], ['keydown', key]]) addEventListener(name, f, true);
    });
  }
  dates() { return this.card.drawn.dates(this.from, this.to); }
  words() { const { from, to } = this.dates(); return from === to ? dayShort(from) : `${dayShort(from)} – ${dayShort(to)}`; }
  show(from, to) {
    Object.assign(this, { from, to });
    const { chartView: view, plot, drawn } = this.card;
    const px = (i) => view.convertToPixel({ xAxisIndex: 0 }, i), band = drawn.count > 1 ? Math.abs(px(1) - px(0)) : 20;
    const left = px(Math.min(from, to)) - band / 2, right = px(Math.max(from, to)) + band / 2;
    this.area ??= el('div', { class: 'brush', 'aria-hidden': 'true' });
    this.text ??= el('div', { class: 'brush-days', 'aria-hidden': 'true' });
    for (const [k, v] of Object.entries({ left: `${left}px`, width: `${right - left}px`, top: '8px', bottom: drawn.dayCount > 45 ? '52px' : '24px' })) this.area.style.setProperty(k, v);
    this.text.style.setProperty('left', `${(left + right) / 2}px`);
    this.text.textContent = this.words();
    plot.append(this.area, this.text);
  }
  take() { if (this.from !== null && this.possible()) { const { from, to } = this.dates(); say(`only ${this.words()}`); change({ days: '', day: '', from, to }); } }
  clear() {
    this.from = this.to = null;
    this.area?.remove();
    this.text?.remove();
  }
  // True: the key was ours.
  key(e) {
    const { card } = this, step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (e.shiftKey && step && this.possible()) {
      e.preventDefault();
      const from = this.from ?? Math.max(card.at, 0), to = Math.max(0, Math.min(card.drawn.count - 1, (this.to ?? from) + step));
      card.at = to;
      this.show(from, to);
      say(`${this.words()}: Enter shows only these days`);
      return true;
    }
    if (this.from === null || e.shiftKey) return false;
    if (e.key === 'Enter') { e.preventDefault(); this.take(); }
    const ours = e.key === 'Enter' || e.key === 'Escape';
    if (ours || /^(Arrow|Home|End)/.test(e.key)) this.clear();
    return ours;
  }
}
