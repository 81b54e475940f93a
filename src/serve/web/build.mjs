// Bundles the page into dist/, with names that carry their hash, and packs each file with gzip and brotli, so that the
// program can send it as it lies. `npm ci && npm run build`; dist/ is committed, so that building lakefm needs no node.
import { build } from 'esbuild';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
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

const result = await build({
  entryPoints: ['src/main.js', 'src/style.css'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  outdir: 'out',
  write: false,
  legalComments: 'none',
});
let html = readFileSync('src/index.html', 'utf8');
for (const file of result.outputFiles) {
  const kind = file.path.endsWith('.css') ? 'css' : 'js';
  const name = `assets/page-${createHash('sha256').update(file.contents).digest('hex').slice(0, 10)}.${kind}`;
  console.log(name, put(name, file.contents), 'bytes');
  html = html.replace(`%${kind}%`, `/${name}`);
}
put('index.html', html);
put('openapi.json', readFileSync('openapi.json'));
put('icon.svg', readFileSync('src/icon.svg'));
