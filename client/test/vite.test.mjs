// Tests of the plugin with a real Vite, before a server that answers as the gateway does.

import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import stagedoor from 'stagedoor/vite';
import { build, createServer } from 'vite';

let root;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'stagedoor-vite-'));
  await symlink(join(import.meta.dirname, '..', 'node_modules'), join(root, 'node_modules'));
  await writeFile(join(root, 'index.html'), '<!doctype html><body><script type="module" src="/app.js"></script>');
  await writeFile(join(root, 'app.js'), "import { createClient } from '/auth/client.js'; document.title = typeof createClient;");
});
after(() => rm(root, { recursive: true }));

async function freePort() {
  const probe = createNetServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => { probe.once('listening', resolve); });
  const { port } = probe.address();
  await new Promise((resolve) => { probe.close(resolve); });
  return port;
}

// gateway answers on a port as a gateway does whose public origin is open, and hands everything else to a frontend.
async function gateway(t, port, open, frontend) {
  const seen = [];
  const server = createHttpServer((request, response) => {
    seen.push({ url: request.url, headers: request.headers });
    if (request.url === '/auth/login') {
      const fetched = request.headers['sec-fetch-mode'] !== 'navigate';
      response.writeHead(fetched ? 400 : 302, { Location: `https://accounts.example/authorize?redirect_uri=${encodeURIComponent(`${open()}/auth/callback`)}` }).end();
    } else if (request.url.startsWith('/live/')) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('event: state\ndata: null\n\n'); // and it stays open
    } else if (request.url.startsWith('/api/')) {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    } else {
      request.pipe(httpRequest(frontend() + request.url, { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      }).on('error', () => response.writeHead(502).end()));
    }
  });
  server.on('upgrade', (request, socket) => {
    seen.push({ url: request.url, headers: request.headers, upgrade: true });
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  });
  await new Promise((resolve) => { server.listen(port, '127.0.0.1', resolve); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  return seen;
}

// vite starts a development server with the plugin, and collects what it says.
async function vite(t, options, more = {}) {
  const said = [];
  const log = (text) => said.push(text);
  const customLogger = { info: log, warn: log, error() {}, warnOnce: log, clearScreen() {}, hasErrorLogged: () => false, hasWarned: false };
  const server = await createServer({ root, configFile: false, customLogger, plugins: [stagedoor(options)], ...more, server: { port: await freePort() } });
  await server.listen();
  t.after(() => server.close());
  const { port, address } = server.httpServer.address();
  assert.equal(address, '127.0.0.1');
  return { here: `http://127.0.0.1:${port}`, said };
}

async function until(what, condition) {
  for (const end = Date.now() + 20_000; !condition(); await new Promise((resolve) => { setTimeout(resolve, 20); })) {
    assert.ok(Date.now() < end, `waited in vain until ${what}`);
  }
}

test('a gateway in front is the address to open', async (t) => {
  const port = await freePort();
  const open = `http://127.0.0.1:${port}`;
  let dev;
  await gateway(t, port, () => open, () => dev.here);
  dev = await vite(t, { gateway: open });
  await until('it says what to open', () => dev.said.some((line) => line.includes(`open ${open}/`)));
});

test('calls reach the gateway as its own, and those of other sites as theirs', async (t) => {
  const port = await freePort();
  const open = 'http://127.0.0.1:1234';
  const seen = await gateway(t, port, () => open, () => 'http://127.0.0.1:1');
  const { here, said } = await vite(t, { gateway: `http://127.0.0.1:${port}/` });
  await until('it says that the gateway leads elsewhere', () => said.some((line) => line.includes(`shows another frontend at ${open}`)));
  const call = (headers) => fetch(`${here}/api/me`, { method: 'POST', headers });
  await call({ Origin: here, Referer: `${here}/page?a=b` });
  await call({ Origin: 'https://evil.example', Referer: 'https://evil.example/' });
  await call({ Origin: 'http://127.0.0.1:9' });
  const calls = seen.filter(({ url }) => url === '/api/me').map(({ headers }) => headers);
  assert.deepEqual(calls.map(({ origin }) => origin), [open, 'https://evil.example', 'http://127.0.0.1:9']);
  assert.deepEqual(calls.slice(0, 2).map(({ referer }) => referer), [`${open}/page?a=b`, 'https://evil.example/']);
  assert.equal(calls[0].host, new URL(here).host, 'the gateway may see by which name the browser came');
  assert.equal((await fetch(`${here}/apiary`, { headers: { Accept: 'text/html' } })).status, 200, 'a page of the app');
  assert.equal(seen.some(({ url }) => url === '/apiary'), false);

  const stream = (await fetch(`${here}/live/me/player`)).body.getReader();
  assert.match(new TextDecoder().decode((await stream.read()).value), /event: state/);
  await stream.cancel();

  await new Promise((resolve, reject) => {
    httpRequest(`${here}/live/socket`, { headers: { Origin: here, Connection: 'Upgrade', Upgrade: 'websocket' } })
      .on('upgrade', (_, socket) => { socket.destroy(); resolve(); }).on('error', reject).end();
  });
  assert.equal(seen.find(({ upgrade }) => upgrade).headers.origin, open);
});

test('a gateway that is down is told, and noticed when it is there', async (t) => {
  const port = await freePort();
  const dev = await vite(t, { gateway: `http://127.0.0.1:${port}` });
  await until('it says what to start', () => dev.said.some((line) => line.includes(`stagedoor demo -frontend ${dev.here}`)));
  const answer = await fetch(`${dev.here}/auth/session`);
  assert.equal(answer.status, 502);
  assert.equal(answer.headers.get('Stagedoor-Reason'), 'GATEWAY_UNREACHABLE');
  assert.match((await answer.json()).error.message, /does not answer/);
  await gateway(t, port, () => dev.here, () => dev.here);
  await until('it says what to open', () => dev.said.some((line) => line.includes(`open ${dev.here}/`)));
});

test('the overlay is in a development page alone, and the address of client.js is the package', async (t) => {
  const { here } = await vite(t, { gateway: 'http://127.0.0.1:1' }, { base: '/app/' });
  const [, script] = /src="([^"]*stagedoor-overlay)"/.exec(await (await fetch(`${here}/app/`)).text());
  assert.match(await (await fetch(here + script)).text(), /CROSS_ORIGIN_REFUSED/);
  assert.match(await (await fetch(`${here}/app/app.js`)).text(), /import \{ createClient \} from ".*client.*js/);

  const bare = await vite(t, { gateway: 'http://127.0.0.1:1', overlay: false });
  assert.doesNotMatch(await (await fetch(bare.here)).text(), /stagedoor-overlay/);

  const { output } = await build({ root, configFile: false, logLevel: 'silent', plugins: [stagedoor()], build: { write: false } });
  const text = output.map(({ code, source }) => code ?? source).join('\n');
  assert.doesNotMatch(text, /stagedoor-overlay/);
  assert.match(text, /The gateway cannot be reached/, 'the client is in the bundle');
});
