// Bundles the page into dist/, with names that carry their hash, and packs each file with gzip and brotli, so that the
// program can send it as it lies. `npm ci && npm run build`; dist/ is committed, so that building lakefm needs no node.
import { build } from 'esbuild';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/assets', { recursive: true });

function put(name, content) {
  const bytes = Buffer.from(content);
  writeFileSync(`dist/${name}`, bytes);
  writeFileSync(`dist/${name}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(`dist/${name}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
  return bytes.length;
}

const options = { bundle: true, minify: true, format: 'esm', target: 'es2022', outdir: 'out', entryNames: 'page-[hash]', write: false, legalComments: 'none' };
let html = readFileSync('src/index.html', 'utf8');
function place(result, mark) {
  for (const file of result.outputFiles) {
    const name = `assets/${file.path.split('/').at(-1)}`;
    console.log(name, put(name, file.contents), 'bytes');
    html = html.replace(`%${mark ?? file.path.split('.').at(-1)}%`, `/${name}`);
    if (mark) return `/${name}`;
  }
}
// The engine is built apart: what is shared between the two would be a third file, and one more way there and back.
const engine = place(await build({ ...options, entryPoints: ['src/engine.js'], entryNames: 'engine-[hash]' }), 'engine');
const apart = { name: 'apart', setup: (b) => b.onResolve({ filter: /\/engine\.js$/ }, () => ({ path: engine, external: true })) };
place(await build({ ...options, entryPoints: ['src/main.js', 'src/style.css'], plugins: [apart] }));
put('index.html', html);
put('openapi.json', readFileSync('openapi.json'));
put('icon.svg', readFileSync('src/icon.svg'));
