// The plugin for Vite: the development server hands the gateway's paths on, tells which address to open, and shows what the
// gateway rejects and how to mend it. The types and the meaning of every option are in vite.d.ts beside this file.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { fileURLToPath } from 'node:url';

const overlayId = '\0stagedoor-overlay';
const overlayPath = '@id/__x00__stagedoor-overlay';
const probePath = '/@stagedoor-probe';

export default function stagedoor({
  gateway = process.env.STAGEDOOR_URL || 'http://127.0.0.1:8080',
  paths = ['/auth', '/api', '/live'],
  overlay = true,
} = {}) {
  const target = new URL(gateway).origin;
  const mark = randomUUID(); // how this development server knows itself behind the gateway
  let open; // the gateway's public origin; undefined until it has answered
  let base = '/';

  // The gateway takes calls of its public origin. A page that this server has sent belongs to it; any other origin stays
  // what it is, so that the gateway still rejects other sites.
  function own(outgoing, { headers, socket }) {
    if (!open) return;
    const here = `${socket.encrypted ? 'https' : 'http'}://${headers.host}`;
    if (headers.origin === here) outgoing.setHeader('Origin', open);
    if (headers.referer?.startsWith(`${here}/`)) outgoing.setHeader('Referer', open + headers.referer.slice(here.length));
  }

  function configure(proxy) {
    proxy.on('proxyReq', own);
    proxy.on('proxyReqWs', own);
    proxy.on('error', (_, __, response) => {
      if (!response?.writeHead || response.headersSent) return; // a WebSocket, or too late
      const error = { status: 502, reason: 'GATEWAY_UNREACHABLE', message: `The gateway at ${target} does not answer.` };
      response.writeHead(502, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', 'Stagedoor-Reason': error.reason });
      response.end(JSON.stringify({ error }));
    });
  }

  const isLoopback = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(new URL(target).hostname);
  const entry = { target, changeOrigin: !isLoopback, ws: true, configure };
  const proxy = Object.fromEntries(paths.map((path) => [`^${path.replace(/\/+$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(/|$)`, entry]));

  function begin(server) {
    server.middlewares.use((request, response, next) => {
      if (request.url.endsWith(probePath)) response.end(mark);
      else next();
    });
    server.httpServer?.once('listening', () => {
      const { port, address, family } = server.httpServer.address();
      const host = /^(::|0\.0\.0\.0|127\.0\.0\.1)$/.test(address) ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
      const here = `${server.httpServer instanceof https.Server ? 'https' : 'http'}://${host}:${port}`;
      const advice = advise(here);
      setTimeout(async () => report(server, here, await advice), 100); // below Vite's own addresses
    });
  }

  // report says what to open, or what to do so that there is something to open, and goes on until there is.
  async function report(server, here, { text, done }, before = '') {
    if (!server.httpServer.listening) return;
    if (text !== before) server.config.logger[done ? 'info' : 'warn'](`  ➜  Stagedoor: ${text}`);
    if (!done) setTimeout(async () => report(server, here, await advise(here), text), 1000).unref();
  }

  async function advise(here) {
    open = await publicOrigin(target).catch(() => undefined);
    if (!open) {
      return { text: `the gateway at ${target} does not answer. Start it, for instance with: stagedoor demo -frontend ${here}` };
    }
    if (open === here) return { text: `open ${here}${base}`, done: true };
    const { body } = await ask(target + base.replace(/\/$/, '') + probePath).catch(() => ({}));
    if (body === mark) return { text: `open ${open}${base}`, done: true };
    return { text: `the gateway at ${target} shows another frontend at ${open}, where logins end. Start it with STAGEDOOR_FRONTEND_URL=${here}, or with: stagedoor demo -frontend ${here}` };
  }

  return {
    name: 'stagedoor',
    config(user) {
      // Spotify takes 127.0.0.1 and not localhost, a cookie of one is none of the other, and Vite would listen on localhost.
      const server = { proxy, host: user.server?.host ?? '127.0.0.1', strictPort: user.server?.strictPort ?? true };
      return { server, preview: { proxy, host: user.preview?.host ?? server.host } };
    },
    configResolved(config) { base = config.base.startsWith('/') ? config.base : '/'; },
    configureServer: begin,
    configurePreviewServer: begin,
    // The module's address at the gateway is the package in the bundle: one copy, and no address to look for while building.
    async resolveId(id, importer) {
      if (id === overlayId) return id;
      if (id !== '/auth/client.js') return null;
      return await this.resolve('stagedoor', importer, { skipSelf: true }) ?? fileURLToPath(new URL('client.js', import.meta.url));
    },
    load: (id) => (id === overlayId ? readFile(new URL('vite-overlay.js', import.meta.url), 'utf8') : null),
    transformIndexHtml: {
      order: 'pre',
      handler: (_, { server }) => (server && overlay
        ? [{ tag: 'script', attrs: { type: 'module', src: `/${overlayPath}` }, injectTo: 'head-prepend' }]
        : []),
    },
  };
}

// publicOrigin asks for a login as a browser would, and reads where it would come back to. Nothing is begun at Spotify.
async function publicOrigin(target) {
  const { headers } = await ask(`${target}/auth/login`, { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' });
  if (!headers.location) return target; // it is there, and cannot log anybody in for now
  const to = new URL(headers.location, target);
  return new URL(to.searchParams.get('redirect_uri') ?? to).origin;
}

function ask(url, headers = {}) {
  return new Promise((resolve, reject) => {
    const { get } = url.startsWith('https:') ? https : http;
    get(url, { headers, timeout: 5000, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece) => { body += piece.slice(0, 1024); });
      response.on('end', () => resolve({ headers: response.headers, body })).on('error', reject);
    }).on('timeout', function stop() { this.destroy(new Error('no answer within 5 s')); }).on('error', reject);
  });
}
