// Tests of the adapter for Spotify's SDK, with the real SDK, against a real HTTP server that answers as the gateway does.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';

import { createClient, StagedoorError } from 'stagedoor';
import { createSpotifyApi } from 'stagedoor/spotify-sdk';

let server;
let base;
let answers;
let received;

before(async () => {
  server = createServer(async (request, response) => {
    received.push({ method: request.method, path: request.url, headers: request.headers, body: (await request.toArray()).join('') });
    const [status, headers, body] = answers[`${request.method} ${request.url}`] ?? [404, {}, 'none'];
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());
beforeEach(() => { answers = {}; received = []; });

function sdk(options) { return createSpotifyApi(createClient({ base }), options); }

test('calls go to the gateway, without a token', async () => {
  answers = { 'GET /api/me': [200, {}, { id: 'ada' }], 'GET /music/albums/1': [200, {}, { id: '1' }] };
  assert.equal((await sdk().currentUser.profile()).id, 'ada');
  assert.equal((await sdk({ path: '/music' }).albums.get('1')).id, '1');
  assert.equal(received[0].headers.authorization, undefined);
  assert.equal(received[0].headers['content-type'], undefined, 'a GET has no body');
});

test('a command may be answered with what is no JSON, and a GET may not', async () => {
  answers = {
    'PUT /api/me/player/play?device_id=d': [200, { 'Content-Type': 'application/json' }, 'AAFFb3BhcXVl'],
    'POST /api/me/player/next?device_id=d': [204, {}, ''], 'GET /api/me/player': [204, {}, ''],
    'GET /api/me': [200, {}, '<html>'], 'PUT /api/playlists/p/images': [202, {}, ''],
  };
  await sdk().player.startResumePlayback('d', undefined, ['spotify:track:1']);
  assert.deepEqual(JSON.parse(received[0].body), { uris: ['spotify:track:1'] });
  assert.equal(received[0].headers['content-type'], 'application/json');
  await sdk().player.skipToNext('d');
  await sdk().playlists.addCustomPlaylistCoverImageFromBase64String('p', '/9j/');
  assert.equal(received[2].headers['content-type'], 'image/jpeg');
  assert.equal(await sdk().player.getPlaybackState(), null);
  await assert.rejects(sdk().currentUser.profile(), (error) => error instanceof StagedoorError && error.reason === 'NOT_JSON');
});

test('an error says why, and where a login helps', async () => {
  answers['GET /api/me'] = [401, { 'Stagedoor-Reason': 'LOGIN_REQUIRED' }, {
    error: { status: 401, message: 'Log in to continue.', reason: 'LOGIN_REQUIRED', login_url: '/auth/login' },
  }];
  answers['GET /api/tracks/x'] = [404, {}, { error: { status: 404, message: 'Non existing id' } }];
  const error = await sdk().currentUser.profile().catch((reason) => reason);
  assert.ok(error instanceof StagedoorError);
  assert.equal(error.reason, 'LOGIN_REQUIRED');
  assert.equal(error.loginUrl, `${base}/auth/login`);
  await assert.rejects(sdk().tracks.get('x'), { status: 404, message: 'Non existing id' });
});

test('authenticate asks who is logged in, and leaves for a login without', async (t) => {
  const went = [];
  globalThis.location = { origin: base, pathname: '/', search: '', hash: '', assign: (url) => went.push(url) };
  t.after(() => { delete globalThis.location; });
  answers['GET /auth/session'] = [200, {}, { authenticated: true, user: { id: 'ada' }, scopes: [] }];
  assert.equal((await sdk().authenticate()).authenticated, true);
  assert.ok(await sdk().getAccessToken());
  assert.deepEqual(went, []);
  answers['GET /auth/session'] = [200, {}, { authenticated: false, login_url: '/auth/login' }];
  assert.equal((await sdk().authenticate()).authenticated, false);
  assert.equal(await sdk().getAccessToken(), null);
  assert.deepEqual(went, [`${base}/auth/login?return_to=%2F`]);
});

test('logOut ends the session, and tells when it could not', async () => {
  answers['POST /auth/logout'] = [204, {}, ''];
  await sdk().logOut();
  answers['POST /auth/logout'] = [503, { 'Stagedoor-Reason': 'STORE_UNAVAILABLE' }, ''];
  await assert.rejects(sdk().logOut(), { reason: 'STORE_UNAVAILABLE' });
});
