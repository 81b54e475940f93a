// The server: answers are kept with their ETag, so that an unchanged one costs a 304.
const kept = new Map();

export async function get(path, signal) {
  const old = kept.get(path);
  const response = await fetch(path, { headers: old ? { 'If-None-Match': old.etag } : {}, signal });
  if (response.status === 304 && old) return old.body;
  const body = await response.json().catch(() => ({ error: { message: `the answer of ${path} is not JSON` } }));
  if (!response.ok || body.error) throw Object.assign(new Error(body.error?.message ?? response.statusText), { status: response.status });
  const etag = response.headers.get('ETag');
  if (etag) {
    if (kept.size > 400) kept.delete(kept.keys().next().value);
    kept.set(path, { etag, body });
  }
  return body;
}

// Server-sent events with a back-off of ours (1, 2, 4 … 30 s) and a watch on silence.
export function feed(onEvent, onState) {
  let source, wait = 1000, last = Date.now(), state = '';
  const set = (s) => s !== state && onState((state = s));
  function open() {
    source = new EventSource('/api/v1/events');
    for (const name of ['hello', 'commit', 'boards', 'audit', 'beat', 'reset'])
      source.addEventListener(name, (e) => {
        last = Date.now();
        wait = 1000;
        const lost = state === 'lost';
        set('live');
        onEvent(lost && name === 'hello' ? 'reset' : name, JSON.parse(e.data));
      });
    source.onerror = () => {
      source.close();
      set('lost');
      setTimeout(open, wait);
      wait = Math.min(wait * 2, 30000);
    };
  }
  open();
  setInterval(() => state === 'live' && Date.now() - last > 10500 && set('stale'), 1000);
  return { silentFor: () => Date.now() - last };
}
