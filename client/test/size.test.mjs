// Each part that a page loads stays under 4 KB, minified and packed, without what it imports.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

for (const name of ['client.js', 'react.js', 'spotify-sdk.js']) {
  test(`${name} is small`, async (t) => {
    const { outputFiles: [{ contents }] } = await build({
      entryPoints: [new URL(`../${name}`, import.meta.url).pathname], bundle: true, minify: true, write: false, format: 'esm',
      external: ['react', '@spotify/web-api-ts-sdk', './client.js'],
    });
    const { length } = gzipSync(contents, { level: 9 });
    t.diagnostic(`${name}: ${length} bytes`);
    assert.ok(length > 500 && length < 4096, `${name} has ${length} bytes`);
  });
}
