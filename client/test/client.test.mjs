// Tests of client.js against a real HTTP server that answers as the gateway does. Run them with `go test ./client`, or
// with `npm test` in the folder above.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { createClient, StagedoorError } from 'stagedoor';

const user = { authenticated: true, user: { id: 'ada' }, scopes: ['user-read-private'], login_url: '/auth/login' };
const anonymous = { authenticated: false, login_url: '/auth/login' };

let server;
let base;
let answers; // "METHOD path" to [status, headers, body], or to a function that returns it
let received; // what the server saw, in order
let clients;

before(async () => {
  server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    received.push({
      method: request.method, path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString(),
    });
    const answer = answers[`${request.method} ${request.url}`] ?? [404, {}, 'no such path in this test'];
    const [status, headers, body] = typeof answer === 'function' ? await answer() : answer;
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  base = `http://127.0.0.1:${server.address().port}`;
});

after(() => server.close());

beforeEach(() => {
  answers = {};
  received = [];
  clients = [];
});

afterEach(() => {
  for (const client of clients) client.close();
});

function client(options) {
  const made = createClient({ base, ...options });
  clients.push(made);
  return made;
}

// changes collects what a client tells its listener; its next() waits for the next one.
function changes(of) {
  const seen = [];
  let wake = () => {};
  of.onChange((session) => { seen.push(session.authenticated); wake(); });
  return {
    seen,
    async next() {
      if (seen.length === 0) await new Promise((resolve) => { wake = resolve; });
      return seen.shift();
    },
  };
}

async function failure(promise) {
  const error = await promise.then(() => assert.fail('the call should be refused'), (reason) => reason);
  assert.ok(error instanceof StagedoorError, `${error} should be a StagedoorError`);
  return error;
}

test('get reads JSON, and an empty answer as null', async () => {
  answers = { 'GET /api/me': [200, {}, { id: 'ada' }], 'GET /api/me/player': [204, {}, ''], 'GET /api/null': [200, {}, 'null'] };
  assert.deepEqual(await client().get('/api/me'), { id: 'ada' });
  assert.equal(await client().get('/api/me/player'), null);
  assert.equal(await client().get('/api/null'), null);
});

test('get says so when an answer is not JSON', async () => {
  answers = { 'GET /api/me': [200, {}, '<html>'] };
  const error = await failure(client().get('/api/me'));
  assert.equal(error.reason, 'NOT_JSON');
  assert.equal(error.status, 200);
});

test('a refusal of the gateway becomes an error with all its fields', async () => {
  answers = {
    'GET /api/me/top/artists': [403, { 'Stagedoor-Reason': 'INSUFFICIENT_SCOPE', 'Content-Type': 'application/json' }, {
      error: {
        status: 403, message: 'Insufficient client scope', reason: 'INSUFFICIENT_SCOPE',
        login_url: '/auth/login?scope=user-top-read', missing_scopes: ['user-top-read'],
      },
    }],
  };
  const error = await failure(client().get('/api/me/top/artists'));
  assert.equal(error.name, 'StagedoorError');
  assert.equal(error.message, 'Insufficient client scope');
  assert.equal(error.status, 403);
  assert.equal(error.reason, 'INSUFFICIENT_SCOPE');
  assert.equal(error.loginUrl, `${base}/auth/login?scope=user-top-read`);
  assert.equal(error.retryAfter, null);
  assert.deepEqual(error.missingScopes, ['user-top-read']);
});

test('error answers of every shape are read', async (t) => {
  const soon = new Date(Date.now() + 30_000).toUTCString();
  for (const { name, headers = {}, body, want } of [
    { name: "Spotify's", body: { error: { status: 429, message: 'slow down', reason: 'QUOTA_EXCEEDED' } },
      want: { reason: 'QUOTA_EXCEEDED', message: 'slow down' } },
    { name: 'the accounts service\'s', body: { error: 'invalid_grant', error_description: 'Refresh token revoked' },
      want: { reason: '', message: 'Refresh token revoked' } },
    { name: 'HTML', body: '<h1>Bad gateway</h1>', want: { reason: '', message: 'The answer was 429.' } },
    { name: 'nothing', body: '', want: { reason: '', message: 'The answer was 429.' } },
    { name: 'null', body: 'null', want: { reason: '', message: 'The answer was 429.' } },
    { name: 'seconds', headers: { 'Retry-After': '86400' }, body: '', want: { retryAfter: 86400 } },
    { name: 'no number', headers: { 'Retry-After': 'later' }, body: '', want: { retryAfter: null } },
    { name: 'a past date', headers: { 'Retry-After': 'Wed, 21 Oct 2015 07:28:00 GMT' }, body: '', want: { retryAfter: 0 } },
  ]) {
    await t.test(name, async () => {
      answers = { 'GET /api/x': [429, headers, body] };
      const error = await failure(client().get('/api/x'));
      for (const [field, value] of Object.entries(want)) assert.equal(error[field], value, field);
    });
  }
  answers = { 'GET /api/x': [429, { 'Retry-After': soon }, ''] };
  const { retryAfter } = await failure(client().get('/api/x'));
  assert.ok(retryAfter > 0 && retryAfter <= 30, `${retryAfter} should be up to 30 seconds`);
});

function limited(reason, retryAfter) {
  return [429, { 'Stagedoor-Reason': reason, 'Retry-After': `${retryAfter}` }, { error: { status: 429, message: 'too often', reason } }];
}

test('a GET that is limited for a short time is sent again after it', async () => {
  for (const reason of ['RATE_LIMITED', 'QUOTA_EXCEEDED']) {
    let asked = 0;
    let first;
    answers['GET /api/me'] = () => {
      if (++asked > 1) return [200, {}, { id: 'ada', waited: Date.now() - first }];
      first = Date.now();
      return limited(reason, 1);
    };
    const me = await client().get('/api/me');
    assert.equal(asked, 2);
    assert.ok(me.waited >= 990, `it came back after ${me.waited} ms`);
  }
});

test('what is limited for long, or is no GET, or may not wait, is told at once with its end', async () => {
  answers = {
    'GET /api/me': limited('RATE_LIMITED', 60), 'PUT /api/me/player/pause': limited('RATE_LIMITED', 1),
    'GET /api/soon': limited('RATE_LIMITED', 1), 'GET /api/mine': limited('CLIENT_RATE', 0),
  };
  const begun = Date.now();
  for (const [call, wait] of [
    [() => client().get('/api/me'), 60], [() => client().put('/api/me/player/pause'), 1],
    [() => client({ retryWithin: 0 }).get('/api/soon'), 1], [() => client().get('/api/mine'), 0],
  ]) {
    const error = await failure(call());
    assert.equal(error.status, 429);
    assert.equal(error.retryAfter, wait);
    assert.ok(Math.abs(error.retryAt - Date.now() - 1000 * wait) < 900, `${error.retryAt}`);
  }
  assert.ok(Date.now() - begun < 900);
  assert.equal(received.length, 4);
});

test('a limit that stays is told when the time is over, and an abort ends the wait', async () => {
  answers = { 'GET /api/me': limited('RATE_LIMITED', 1) };
  const error = await failure(client().get('/api/me'));
  assert.equal(error.reason, 'RATE_LIMITED');
  assert.equal(received.length, 2);
  const stop = new AbortController();
  const waits = client().get('/api/me', { signal: stop.signal });
  setTimeout(() => stop.abort(), 100);
  await assert.rejects(waits, { name: 'AbortError' });
});

test('only the gateway itself may say where to log in', async () => {
  answers = { 'GET /api/x': [401, {}, { error: { message: 'no', login_url: '/phishing' } }] };
  assert.equal((await failure(client().get('/api/x'))).loginUrl, null);
});

test('a gateway that is down is an error without a status', async () => {
  const error = await failure(client({ base: 'http://127.0.0.1:1' }).get('/api/me'));
  assert.equal(error.status, 0);
  assert.equal(error.reason, 'NETWORK_ERROR');
  assert.ok(error.cause, 'the cause should be kept');
});

test('an abort stays an AbortError', async () => {
  await assert.rejects(client().get('/api/me', { signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('calls never leave the gateway', async () => {
  for (const path of ['https://api.spotify.com/v1/me', '//evil.example/x', '\\\\evil.example\\x']) {
    await assert.rejects(client().get(path), TypeError, path);
  }
  assert.deepEqual(received, []);
});

test('fetch sends what it is given and answers with the response', async () => {
  answers = { 'PUT /api/playlists/1/images': [202, { ETag: '"1"' }, ''] };
  const response = await client().fetch('/api/playlists/1/images', {
    method: 'PUT', headers: { 'Content-Type': 'image/jpeg' }, body: 'aGk=',
  });
  assert.equal(response.headers.get('ETag'), '"1"');
  assert.equal(received[0].headers['content-type'], 'image/jpeg');
  assert.equal(received[0].body, 'aGk=');
});

test('credentials are included unless the page says otherwise', async () => {
  const seen = [];
  const fetch = async (url, init) => { seen.push([url, init.credentials]); return new Response('{}'); };
  await client({ fetch }).get('/api/me');
  await client({ fetch, credentials: 'omit' }).get('/api/me');
  assert.deepEqual(seen, [[`${base}/api/me`, 'include'], [`${base}/api/me`, 'omit']]);
});

test('commands send JSON and do not trip over opaque answers', async () => {
  answers = {
    'PUT /api/me/player/play': [200, { 'Content-Type': 'application/json' }, 'AAFFb3BhcXVl'],
    'POST /api/me/player/next': [204, {}, ''],
    'POST /api/me/playlists': [201, {}, { id: 'new' }],
    'DELETE /api/playlists/1/items': [200, {}, { snapshot_id: 's' }],
  };
  assert.equal(await client().put('/api/me/player/play', { uris: ['spotify:track:1'] }), null);
  assert.equal(await client().post('/api/me/player/next'), null);
  assert.deepEqual(await client().post('/api/me/playlists', { name: 'x' }), { id: 'new' });
  assert.deepEqual(await client().delete('/api/playlists/1/items', { items: [] }), { snapshot_id: 's' });
  assert.equal(received[0].headers['content-type'], 'application/json');
  assert.equal(received[0].body, '{"uris":["spotify:track:1"]}');
  assert.equal(received[1].headers['content-length'], '0');
  assert.equal(received[3].body, '{"items":[]}');
});

test('pages follows next to the end and asks no sooner than needed', async () => {
  answers = {
    'GET /api/me/playlists?limit=2': [200, {}, { items: [1, null], next: `${base}/api/me/playlists?offset=2` }],
    'GET /api/me/playlists?offset=2': [200, {}, { items: [3], next: null }],
  };
  const items = [];
  for await (const item of client().pages('/api/me/playlists?limit=2')) {
    if (items.length < 2) assert.equal(received.length, 1);
    items.push(item);
  }
  assert.deepEqual(items, [1, null, 3]);
});

test('pages reads a wrapped list and refuses what is none', async () => {
  answers = {
    'GET /api/search': [200, {}, { artists: { items: ['a'], next: '/api/search?offset=1' } }],
    'GET /api/search?offset=1': [200, {}, { artists: { items: ['b'], next: null } }],
    'GET /api/me': [200, {}, { id: 'ada' }],
  };
  const items = [];
  for await (const item of client().pages('/api/search')) items.push(item);
  assert.deepEqual(items, ['a', 'b']);
  await assert.rejects(client().pages('/api/me').next(), TypeError);
});

test('token is the access token, asked for once by several at the same moment', async () => {
  let asked = 0;
  answers = { 'POST /auth/token': () => [200, {}, { access_token: `t${++asked}`, expires_in: 3600, scope: 'streaming' }] };
  const one = client();
  assert.deepEqual(await Promise.all([one.token(), one.token(), one.token()]), ['t1', 't1', 't1']);
  assert.equal(await one.token(), 't2', 'a later one asks again: only the gateway knows which token is good now');
});

test('token says what is missing, and the next one asks again', async () => {
  answers = {
    'POST /auth/token': [403, { 'Stagedoor-Reason': 'INSUFFICIENT_SCOPE' }, {
      error: { status: 403, message: 'no', login_url: '/auth/login?scope=streaming', missing_scopes: ['streaming'] },
    }],
  };
  const one = client();
  const [error, same] = await Promise.all([failure(one.token()), failure(one.token())]);
  assert.equal(error, same);
  assert.equal(error.reason, 'INSUFFICIENT_SCOPE');
  assert.equal(error.loginUrl, `${base}/auth/login?scope=streaming`);
  answers = { 'POST /auth/token': [200, {}, { access_token: 't' }] };
  assert.equal(await one.token(), 't');
});

test('on a server a client opens nothing that would have to be closed', async () => {
  const real = globalThis.BroadcastChannel;
  globalThis.BroadcastChannel = class { constructor() { assert.fail('a channel was opened'); } };
  try {
    answers = { 'GET /auth/session': [200, {}, user] };
    await createClient({ base }).session();
  } finally {
    globalThis.BroadcastChannel = real;
  }
});

test('login is a navigation that comes back to this page', async (t) => {
  const went = [];
  globalThis.location = { origin: base, pathname: '/app', search: '?tab=1', hash: '#/songs?a=b', assign: (url) => went.push(url) };
  t.after(() => { delete globalThis.location; });
  const page = client({ base: undefined });
  page.login();
  page.login({ returnTo: '/', scope: ['user-top-read', 'streaming'], showDialog: true });
  page.login(new StagedoorError('step up', { loginUrl: `${base}/auth/login?scope=streaming` }));
  assert.deepEqual(went, [
    `${base}/auth/login?return_to=%2Fapp%3Ftab%3D1%23%2Fsongs%3Fa%3Db`,
    `${base}/auth/login?scope=user-top-read+streaming&return_to=%2F&show_dialog=true`,
    `${base}/auth/login?scope=streaming&return_to=%2Fapp%3Ftab%3D1%23%2Fsongs%3Fa%3Db`,
  ]);
  assert.deepEqual(received, []);
});

test('login from another origin comes back there', async (t) => {
  globalThis.location = { origin: 'https://app.example', pathname: '/app', search: '', hash: '#a', href: 'https://app.example/app#a' };
  t.after(() => { delete globalThis.location; });
  assert.equal(client().loginUrl(), `${base}/auth/login?return_to=https%3A%2F%2Fapp.example%2Fapp%23a`);
  assert.equal(client().loginUrl({ returnTo: '/x' }), `${base}/auth/login?return_to=%2Fx`);
  globalThis.location = { origin: 'null', href: 'file:///app.html' };
  assert.equal(client().loginUrl(), `${base}/auth/login`);
});

test('a logout reaches the other tab', async (t) => {
  globalThis.location = new URL(base); // two pages, not a server
  t.after(() => { delete globalThis.location; });
  let now = user;
  answers = {
    'GET /auth/session': () => [200, {}, now],
    'POST /auth/logout': () => { now = anonymous; return [204, {}, '']; },
  };
  const [one, two] = [client(), client()];
  const [seenByOne, seenByTwo] = [changes(one), changes(two)];
  await one.session();
  await two.session();
  await one.logout();
  assert.equal(await seenByOne.next(), false);
  assert.equal(await seenByTwo.next(), false);
  assert.equal((await two.session()).authenticated, false);
  assert.deepEqual([seenByOne.seen, seenByTwo.seen], [[], []], 'each tab should hear of it once');
});

test('a logout that fails is told, and nobody believes it', async () => {
  answers = {
    'GET /auth/session': [200, {}, user],
    'POST /auth/logout?everywhere=true': [503, { 'Stagedoor-Reason': 'STORE_UNAVAILABLE', 'Retry-After': '1' }, ''],
  };
  const one = client();
  const { seen } = changes(one);
  await one.session();
  const error = await failure(one.logout({ everywhere: true }));
  assert.equal(error.reason, 'STORE_UNAVAILABLE');
  assert.equal(error.retryAfter, 1);
  assert.deepEqual(seen, []);
});

test('a late answer does not undo a logout', async () => {
  let release;
  const gate = new Promise((resolve) => { release = resolve; });
  answers = { 'GET /auth/session': [200, {}, user], 'POST /auth/logout': [204, {}, ''] };
  const one = client();
  const { seen } = changes(one);
  await one.session();
  answers['GET /auth/session'] = async () => { await gate; return [200, {}, user]; };
  const late = one.session();
  await one.logout();
  release();
  await late;
  assert.deepEqual(seen, [false]);
});

test('a session that ended is noticed by the first call that says so', async () => {
  let now = user;
  answers = {
    'GET /auth/session': () => [200, {}, now],
    'GET /api/me': [401, { 'Stagedoor-Reason': 'LOGIN_REQUIRED' }, { error: { status: 401, message: 'Log in to continue.' } }],
  };
  const one = client();
  const seen = changes(one);
  await one.session();
  now = anonymous;
  await failure(one.get('/api/me'));
  assert.equal(await seen.next(), false);
});

test('a page that is seen again looks again, once', async (t) => {
  let now = user;
  answers = { 'GET /auth/session': () => [200, {}, now] };
  globalThis.document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  globalThis.window = new EventTarget();
  t.after(() => { delete globalThis.document; delete globalThis.window; });
  const one = client();
  const seen = changes(one);
  await one.session();
  now = anonymous;
  document.dispatchEvent(new Event('visibilitychange'));
  window.dispatchEvent(new Event('focus'));
  assert.equal(await seen.next(), false);
  assert.equal(received.length, 2);

  await new Promise(setImmediate); // the first check has to be over before another may begin
  now = user;
  window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  assert.equal(await seen.next(), true, 'a page from the back-forward cache should look again');

  document.visibilityState = 'hidden';
  document.dispatchEvent(new Event('visibilitychange'));
  window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
  one.close();
  document.visibilityState = 'visible';
  window.dispatchEvent(new Event('focus'));
  assert.equal(received.length, 3, 'neither a hidden page, nor a first load, nor a closed client should ask');
});

test('a listener that has left hears nothing', async () => {
  let now = user;
  answers = { 'GET /auth/session': () => [200, {}, now] };
  const one = client();
  let calls = 0;
  const leave = one.onChange(() => { calls++; });
  await one.session();
  now = { ...user, scopes: [...user.scopes, 'streaming'] };
  await one.session();
  assert.equal(calls, 1, 'more scopes are a change');
  leave();
  now = anonymous;
  await one.session();
  assert.equal(calls, 1);
});

// FakeSource stands in EventSource's place, which Node does not have.
class FakeSource extends EventTarget {
  static made = [];
  readyState = 1;
  constructor(url, init) {
    super();
    Object.assign(this, { url, init });
    FakeSource.made.push(this);
  }
  close() { this.readyState = 2; }
  tell(name, data) { this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data) })); }
  fail() {
    this.readyState = 2;
    this.onerror();
  }
}

test('live passes events on until the last', async (t) => {
  globalThis.EventSource = FakeSource;
  FakeSource.made = [];
  t.after(() => { delete globalThis.EventSource; });
  const seen = [];
  const stream = client().live('/live/me/player', {
    onState: (state) => seen.push(['state', state]),
    onDelayed: (delay) => seen.push(['delayed', delay]),
    onEnded: (error) => seen.push(['ended', error.reason, error.status, error.loginUrl]),
  });
  await new Promise((resolve) => { setTimeout(resolve, 10); }); // for a lock, where Node has them
  const [source] = FakeSource.made;
  assert.equal(source.url, `${base}/live/me/player`);
  assert.deepEqual(source.init, { withCredentials: true });
  source.tell('state', { is_playing: true });
  source.tell('state', null);
  source.tell('delayed', { reason: 'RATE_LIMITED', retry_after: 3 });
  source.tell('ended', { error: { status: 401, message: 'Log in to continue.', reason: 'LOGIN_REQUIRED', login_url: '/auth/login' } });
  source.tell('state', { is_playing: false });
  assert.deepEqual(seen, [
    ['state', { is_playing: true }], ['state', null], ['delayed', { reason: 'RATE_LIMITED', retryAfter: 3 }],
    ['ended', 'LOGIN_REQUIRED', 401, `${base}/auth/login`],
  ]);
  assert.equal(source.readyState, 2);
  stream.close();
});

test('live ends when the gateway has no stream, and comes back when it was down', async (t) => {
  globalThis.EventSource = FakeSource;
  FakeSource.made = [];
  t.after(() => { delete globalThis.EventSource; });
  answers['GET /live/me/player'] = [200, { 'Content-Type': 'text/event-stream' }, ''];
  let ended;
  const over = new Promise((resolve) => { ended = resolve; });
  client().live('/live/me/player', { onEnded: ended });
  await new Promise((resolve) => { setTimeout(resolve, 10); });
  FakeSource.made[0].fail();
  while (FakeSource.made.length < 2) await new Promise((resolve) => { setTimeout(resolve, 10); });
  answers['GET /live/me/player'] = [200, { 'Content-Type': 'text/html' }, '<!doctype html>'];
  let missing;
  const none = new Promise((resolve) => { missing = resolve; });
  const other = client({ base: base.replace('127.0.0.1', 'localhost') });
  other.live('/live/me/player', { onEnded: missing });
  await new Promise((resolve) => { setTimeout(resolve, 10); });
  FakeSource.made[2].fail();
  assert.equal((await none).status, 200); // a frontend's page, where there is no such route
  answers['GET /live/me/player'] = [204, { 'Stagedoor-Reason': 'LOGIN_REQUIRED' }, ''];
  FakeSource.made[1].fail();
  const error = await over;
  assert.ok(error instanceof StagedoorError);
  assert.equal(error.reason, 'LOGIN_REQUIRED');
  assert.equal(error.loginUrl, `${base}/auth/login`, 'an answer without a body is from a session that is over');
});

test('live leaves a page that is frozen or in the back-forward cache, and comes back with it', async (t) => {
  Object.assign(globalThis, { EventSource: FakeSource, window: new EventTarget(), document: new EventTarget() });
  FakeSource.made = [];
  t.after(() => { for (const name of ['EventSource', 'window', 'document']) delete globalThis[name]; });
  const opened = async (count) => {
    while (FakeSource.made.length < count) await new Promise((resolve) => { setTimeout(resolve, 10); });
    return FakeSource.made[count - 1];
  };
  const seen = [];
  const stream = client().live('/live/me/player', { onState: (state) => seen.push(state) });
  let count = 1;
  let source = await opened(count);
  source.tell('state', 'before');
  for (const [target, away, back] of [[window, 'pagehide', 'pageshow'], [document, 'freeze', 'resume']]) {
    target.dispatchEvent(new Event(away));
    target.dispatchEvent(new Event(away)); // a page on its way into the cache is hidden and frozen
    assert.equal(source.readyState, 2, away);
    target.dispatchEvent(new Event(back));
    target.dispatchEvent(new Event(back));
    source = await opened(count += 1);
    source.tell('state', back);
  }
  assert.deepEqual(seen, ['before', 'pageshow', 'resume']);
  assert.equal(FakeSource.made.length, 3);
  stream.close();
  assert.equal(source.readyState, 2);
  window.dispatchEvent(new Event('pageshow'));
  await new Promise((resolve) => { setTimeout(resolve, 10); });
  assert.equal(FakeSource.made.length, 3, 'a closed one stays closed');
});
