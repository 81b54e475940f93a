// Where the nodes of a graph without cycles stand: in layers from left to right (Sugiyama's method). A layer is the longest
// way from a root; an edge over several layers gets a bend in each, which takes part in the order, so that edges go round
// nodes; the order in a layer is by barycentres; heights settle towards the neighbours'.
const GAP_X = 46, GAP_Y = 16, BEND_GAP = 10, MARGIN = 24;

// nodes: [{id, w, h}], edges: [[from, to]] between their ids. Sets node.x and node.y (top left), and gives
// {layers: [[node…]], edges: [{from, to, points: [[x, y]…]}], width, height}.
export function layout(nodes, edges) {
  const at = new Map(nodes.map((n) => [n.id, { node: n, w: n.w, h: n.h, up: [], down: [], layer: 0 }]));
  const real = edges.filter(([a, b]) => a !== b && at.has(a) && at.has(b));
  for (const [a, b] of real) at.get(a).down.push(at.get(b)), at.get(b).up.push(at.get(a));
  rank([...at.values()]);
  const layers = [], routes = [];
  const add = (item) => (layers[item.layer] ??= []).push(item);
  for (const item of at.values()) item.up = [], item.down = [];
  for (const item of at.values()) add(item);
  for (const [a, b] of real) {
    const from = at.get(a), to = at.get(b), path = [from];
    for (let layer = from.layer + 1; layer < to.layer; layer++) {
      const bend = { w: 0, h: 0, up: [], down: [], layer };
      add(bend);
      path.push(bend);
    }
    path.push(to);
    for (let i = 1; i < path.length; i++) path[i - 1].down.push(path[i]), path[i].up.push(path[i - 1]);
    routes.push({ from: a, to: b, path });
  }
  order(layers);
  heights(layers);
  let x = MARGIN, low = Infinity, high = 0;
  for (const layer of layers) {
    const width = Math.max(...layer.map((i) => i.w), 0);
    for (const i of layer) i.x = x, i.width = width, low = Math.min(low, i.y), high = Math.max(high, i.y + i.h);
    x += width + GAP_X;
  }
  for (const layer of layers) for (const i of layer) {
    i.y += MARGIN - low;
    if (i.node) i.node.x = i.x, i.node.y = i.y, i.node.w = i.width;
  }
  return {
    layers: layers.map((l) => l.filter((i) => i.node).map((i) => i.node)),
    edges: routes.map(({ from, to, path }) => ({ from, to, points: path.flatMap((i, n) => {
      const y = i.y + i.h / 2;
      return n === 0 ? [[i.x + i.width, y]] : n === path.length - 1 ? [[i.x, y]] : [[i.x, y], [i.x + i.width, y]];
    }) })),
    width: nodes.length ? x - GAP_X + MARGIN : 2 * MARGIN,
    height: nodes.length ? high - low + 2 * MARGIN : 2 * MARGIN,
  };
}

function rank(items) {
  const waits = new Map(items.map((i) => [i, i.up.length]));
  const ready = items.filter((i) => !i.up.length);
  for (let n = 0; n < ready.length; n++)
    for (const next of ready[n].down) {
      next.layer = Math.max(next.layer, ready[n].layer + 1);
      waits.set(next, waits.get(next) - 1);
      if (!waits.get(next)) ready.push(next);
    }
}

const mean = (list, of) => list.reduce((s, i) => s + of(i), 0) / list.length;
const crossings = (layers) => layers.reduce((sum, layer) => {
  const ends = layer.flatMap((i) => i.down.map((d) => d.at).sort((a, b) => a - b));
  if (ends.length > 1500) return sum; // a guess is good enough
  for (let i = 0; i < ends.length; i++) for (let j = i + 1; j < ends.length; j++) if (ends[i] > ends[j]) sum++;
  return sum;
}, 0);

function order(layers) {
  const number = (layer) => layer.forEach((i, n) => (i.at = n));
  layers.forEach(number);
  let best = layers.map((l) => [...l]), least = crossings(layers);
  for (let sweep = 0; sweep < 16 && least; sweep++) {
    const down = sweep % 2 === 0, sequence = down ? layers : [...layers].reverse();
    for (const layer of sequence) {
      for (const i of layer) {
        const near = down ? i.up : i.down;
        i.key = near.length ? mean(near, (n) => n.at) : i.at;
      }
      layer.sort((a, b) => a.key - b.key || a.at - b.at);
      number(layer);
    }
    const now = crossings(layers);
    if (now < least) least = now, best = layers.map((l) => [...l]);
  }
  layers.forEach((l, n) => (l.splice(0, l.length, ...best[n]), number(l)));
}

const gap = (a, b) => (a.node && b.node ? GAP_Y : BEND_GAP);

// Each wants to stand at the mean of its neighbours; those in its way are pushed, and a run of them stands where its mean is.
function settle(layer, wish) {
  const runs = [];
  for (const item of layer) {
    const before = runs.at(-1)?.items.at(-1);
    let run = { items: [item], offsets: [0], sum: wish(item), height: item.h, lead: before ? gap(before, item) : 0 };
    run.y = run.sum;
    while (runs.length && runs.at(-1).y + runs.at(-1).height + run.lead > run.y) {
      const above = runs.pop(), shift = above.height + run.lead;
      run = { items: [...above.items, ...run.items], offsets: [...above.offsets, ...run.offsets.map((o) => o + shift)], sum: above.sum + run.sum - shift * run.items.length, height: shift + run.height, lead: above.lead };
      run.y = run.sum / run.items.length;
    }
    runs.push(run);
  }
  for (const run of runs) run.items.forEach((item, n) => (item.y = run.y + run.offsets[n]));
}

function heights(layers) {
  for (const layer of layers) {
    let y = 0;
    layer.forEach((i, n) => {
      if (n) y += gap(layer[n - 1], i);
      i.y = y;
      y += i.h;
    });
    layer.forEach((i) => (i.y -= y / 2));
  }
  const middle = (i) => i.y + i.h / 2;
  for (let round = 0; round < 12; round++) {
    const sequence = round % 2 ? [...layers].reverse() : layers;
    for (const layer of sequence)
      settle(layer, (i) => {
        const near = round >= 10 ? [...i.up, ...i.down] : round % 2 ? i.down : i.up;
        return near.length ? mean(near, middle) - i.h / 2 : i.y;
      });
  }
}
