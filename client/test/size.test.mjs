// Each part that a page loads stays under 4 KB, minified and packed, without what it imports, and README.md says how much it is.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

for (const name of ['client.js', 'react.js', 'spotify-sdk.js']) {
  test(`${name} is small`, async (t) => {
    const { outputFiles: [{ contents }] } = await build({
      entryPoints: [new URL(`../${name}`, import.meta.url).pathname], bundle: true, minify: true, write: false, format: 'esm',
      external: ['react', '@spotify/web-api-ts-sdk', './client.js'],
    });
    const { length } = gzipSync(contents, { level: 9 });
    t.diagnostic(`${name}: ${length} bytes`);
    assert.ok(length > 500 && length < 4096, `${name} has ${length} bytes`);
    const path = name === 'client.js' ? 'stagedoor' : `stagedoor/${name.slice(0, -'.js'.length)}`;
    const [, said] = readme.match(new RegExp(`^\\| \`${path}\` \\|.*\\| ([\\d.]+) KB`, 'm')) ?? [];
    assert.ok(Math.abs(said - length / 1000) < 0.1, `README.md says ${said} KB of ${name}, which has ${length} bytes`);
  });
}
