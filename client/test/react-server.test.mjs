// Tests of the React parts where there is no page, with both versions of React. test/react-page.jsx is for a browser.

import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { build } from 'esbuild';

const user = { authenticated: true, user: { id: 'ada', display_name: 'Ada' }, scopes: ['streaming'], login_url: '/auth/login' };
const page = `
import { createElement as e } from 'react';
import { renderToString } from 'react-dom/server';
import { SignedIn, SignedOut, StagedoorProvider, usePlayer, useSession, useSpotify, useStagedoor } from 'stagedoor/react';

function Parts() {
  const { status, user } = useSession();
  const { isLoading, items } = useSpotify('/api/me/playlists');
  const player = usePlayer();
  return e('p', null, [status, user?.id, isLoading, items.length, player.status, player.position()].join(' '));
}
function Careless() { useStagedoor().loginUrl(); }
export const render = (session) => renderToString(e(StagedoorProvider, { session },
  e(Parts), e(SignedIn, { fallback: 'nobody' }, ({ user }) => user.display_name), e(SignedOut, null, 'a visitor')));
export const careless = () => renderToString(e(Careless));
`;

for (const version of ['react', 'react-18']) {
  test(`${version} renders on a server`, async (t) => {
    const suffix = version.slice('react'.length);
    const built = await build({
      stdin: { contents: page, resolveDir: import.meta.dirname }, bundle: true, write: false, format: 'cjs', platform: 'node', logLevel: 'error',
      alias: { react: version, 'react-dom': `react-dom${suffix}` },
    });
    const file = new URL(`built-${version}.cjs`, import.meta.url);
    await writeFile(file, built.outputFiles[0].contents);
    t.after(() => rm(file));
    const { default: { render, careless } } = await import(file);
    assert.equal(render(), '<p>loading  true 0 connecting 0</p>nobody');
    assert.equal(render(null), render());
    assert.equal(render(user), '<p>signed-in ada true 0 connecting 0</p>Ada');
    assert.equal(render({ authenticated: false, login_url: '/auth/login' }), '<p>signed-out  true 0 connecting 0</p>nobody<!-- -->a visitor');
    assert.throws(careless, /loginUrl was called while a server renders/);
  });
}
