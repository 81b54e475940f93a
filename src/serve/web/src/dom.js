// One way to make elements: text never becomes markup.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key === 'style') for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}
const shapes = {
  table: 'M3 4h14v12H3zM3 8h14M3 12h14M8 4v12',
  sql: 'M7 6l-4 4 4 4M13 6l4 4-4 4',
  save: 'M10 3v9M6 9l4 4 4-4M4 17h12',
  full: 'M3 8V3h5M12 3h5v5M17 12v5h-5M8 17H3v-5',
  moon: 'M16 12A7 7 0 0 1 8 4a7 7 0 1 0 8 8z',
  sun: 'M10 6.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.5 4.5l1 1M14.5 14.5l1 1M4.5 15.5l1-1M14.5 5.5l1-1',
};
export function icon(name) {
  const ns = 'http://www.w3.org/2000/svg', svg = document.createElementNS(ns, 'svg'), path = document.createElementNS(ns, 'path');
  for (const [k, v] of Object.entries({ viewBox: '0 0 20 20', width: 18, height: 18, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.6, 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' })) svg.setAttribute(k, v);
  path.setAttribute('d', shapes[name]);
  svg.append(path);
  return svg;
}
export const $ = (selector) => document.querySelector(selector);
let speaking;
export function say(text) {
  const speech = $('#speech');
  clearTimeout(speaking);
  speech.textContent = '';
  speaking = setTimeout(() => (speech.textContent = text), 30);
}
export function save(name, type, content) {
  const url = content.startsWith?.('data:') ? content : URL.createObjectURL(new Blob([content], { type }));
  el('a', { href: url, download: name }).click();
  if (!url.startsWith('data:')) setTimeout(() => URL.revokeObjectURL(url), 1000);
}
