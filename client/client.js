// Stagedoor's client for web frontends: an ES module without dependencies. The gateway serves it at /auth/client.js, and the
// npm package has it as its main module.
//
//   import { createClient } from '/auth/client.js'; // or from 'stagedoor'
//   const me = await createClient().get('/api/me');
//
// The page never holds a token: the browser sends a session cookie that no script can read, and the gateway adds the
// rest. The types and the meaning of every option are in client.d.ts beside this file.

/** An answer that is not the one asked for: made by the gateway, by Spotify, or by a network that is down. */
export class StagedoorError extends Error {
  constructor(message, { status = 0, reason = '', loginUrl = null, retryAfter = null, missingScopes = [], cause } = {}) {
    super(message, { cause });
    this.name = 'StagedoorError';
    const retryAt = retryAfter === null ? null : new Date(Date.now() + 1000 * retryAfter);
    Object.assign(this, { status, reason, loginUrl, retryAfter, retryAt, missingScopes });
  }
}

export function createClient({
  base = globalThis.location?.origin,
  credentials = 'include',
  retryWithin = 2000,
  fetch: send = (...request) => globalThis.fetch(...request),
} = {}) {
  const gateway = new URL(base).origin;
  const closed = new AbortController();
  const listeners = new Set();
  // A server has no tabs, and makes a client for each request.
  const channel = globalThis.location && globalThis.BroadcastChannel && new BroadcastChannel(`stagedoor ${gateway}`);
  let known; // who is logged in, as identify says it; undefined until the gateway was asked
  let asked = 0; // counts the questions, so that a late answer to an old one teaches nothing
  let checking; // the recheck that is under way
  let handing; // the token call that is under way

  // locate keeps every call at the gateway, so that a link from elsewhere never gets the cookie.
  function locate(path) {
    const url = new URL(path, gateway);
    if (url.origin !== gateway) throw new TypeError(`${url.href} is not at the gateway ${gateway}.`);
    return url;
  }

  // call waits out a 429 when a GET may be tried again soon enough.
  async function call(path, init) {
    const url = locate(path);
    for (const end = Date.now() + retryWithin; ;) {
      try {
        return await attempt(url, init);
      } catch (error) {
        const wait = 1000 * error.retryAfter + 250 * Math.random(); // tabs shall not come back all at once
        if (!limits.has(error.reason) || error.retryAfter === null || !/^(GET|HEAD)$/.test(init?.method ?? 'GET') || Date.now() + wait > end) throw error;
        await sleep(wait, init?.signal);
      }
    }
  }

  async function attempt(url, init) {
    let response;
    try {
      response = await send(url.href, { credentials, ...init });
    } catch (cause) {
      if (cause?.name === 'AbortError' || cause?.name === 'TimeoutError') throw cause;
      throw new StagedoorError('The gateway cannot be reached. Check the connection and try again.', {
        reason: 'NETWORK_ERROR', cause,
      });
    }
    if (response.status < 400) return response;
    const error = await refusal(response);
    if (known && (error.reason === 'LOGIN_REQUIRED' || error.reason === 'REAUTHORIZATION_REQUIRED')) recheck();
    throw error;
  }

  // refusal reads an error answer. Only the gateway's own (they carry Stagedoor-Reason) may say where to log in;
  // Spotify's may be JSON, text, HTML or nothing at all.
  async function refusal(response) {
    const body = parse(await response.text().catch(() => '')) ?? {};
    const told = typeof body.error === 'object' && body.error !== null ? body.error : {};
    const own = response.headers.get('Stagedoor-Reason');
    return new StagedoorError(told.message || body.error_description || `The answer was ${response.status}.`, {
      status: response.status,
      reason: own ?? told.reason ?? '',
      loginUrl: own && told.login_url ? locate(told.login_url).href : null,
      retryAfter: seconds(response.headers.get('Retry-After')),
      missingScopes: told.missing_scopes ?? [],
    });
  }

  async function get(path, init) {
    const response = await call(path, { ...init, method: 'GET' });
    const text = await response.text();
    if (text === '') return null;
    const value = parse(text);
    if (value === undefined) {
      throw new StagedoorError(`The answer to ${path} is not JSON.`, { status: response.status, reason: 'NOT_JSON' });
    }
    return value;
  }

  // command sends a method that changes something. Spotify's players answer with nothing or with an opaque text, so
  // what is not JSON reads as null.
  async function command(method, path, body, init) {
    const request = { ...init, method, body };
    if (Array.isArray(body) || Object.getPrototypeOf(body ?? '') === Object.prototype) {
      request.body = JSON.stringify(body);
      request.headers = new Headers(init?.headers);
      request.headers.set('Content-Type', 'application/json');
    }
    const response = await call(path, request);
    return parse(await response.text()) ?? null;
  }

  async function* pages(path, init) {
    for (let next = path; next; ) {
      const body = await get(next, init);
      // A search, and the artists one follows, wrap their page: {"artists": {"items": …}}.
      const page = body?.items ? body : Object.values(body ?? {}).find((part) => part?.items);
      if (!page) throw new TypeError(`The answer to ${next} has no items.`);
      yield* page.items;
      next = page.next;
    }
  }

  async function session() {
    const turn = ++asked;
    const answer = await get('/auth/session', { cache: 'no-store' });
    if (turn === asked) learn(answer);
    return answer;
  }

  function learn(answer) {
    const before = known;
    known = identify(answer);
    if (known === before) return;
    channel?.postMessage(known);
    if (before !== undefined) for (const listener of listeners) listener(answer);
  }

  // recheck asks again who is logged in; several reasons at the same moment ask once.
  function recheck() {
    if (listeners.size === 0) return;
    checking ??= session().catch(() => {}).finally(() => { checking = undefined; });
  }

  function recheckIfSeen() {
    if (globalThis.document?.visibilityState === 'visible') recheck();
  }

  function loginUrl({ loginUrl: start, scope, returnTo, showDialog } = {}) {
    const url = locate(start || '/auth/login');
    const here = globalThis.location;
    if (here?.origin === gateway) returnTo ??= here.pathname + here.search + here.hash;
    else if (/^https?:/.test(here?.href)) returnTo ??= here.href; // the gateway takes it from an allowed origin
    if (scope?.length) url.searchParams.set('scope', [scope].flat().join(' '));
    if (returnTo) url.searchParams.set('return_to', returnTo);
    if (showDialog) url.searchParams.set('show_dialog', 'true');
    return url.href;
  }

  async function logout({ everywhere = false } = {}) {
    await call(`/auth/logout${everywhere ? '?everywhere=true' : ''}`, { method: 'POST' });
    asked++; // an answer that is still on its way speaks of the session that has just ended
    learn({ authenticated: false, login_url: '/auth/login' });
  }

  // token has no copy: a refresh or a logout in another tab would make it a wrong one.
  function token() {
    handing ??= command('POST', '/auth/token').then((answer) => answer.access_token).finally(() => { handing = undefined; });
    return handing;
  }

  function onChange(listener) {
    listeners.add(listener);
    return () => { listeners.delete(listener); };
  }

  // live listens to a stream of a route with live. One tab has the connection and tells the others, because a browser opens
  // six to a host over HTTP/1.1: whoever holds the lock. It goes to another tab when this one is closed.
  function live(path, { onState, onDelayed, onEnded } = {}) {
    const url = locate(path);
    const name = `stagedoor live ${url.href}`;
    const closing = new AbortController();
    const locks = globalThis.BroadcastChannel && globalThis.navigator?.locks;
    let stopped; // ends what this tab does, from one join to the next leave
    let others; // the channel to the other tabs
    let latest; // the last event but a delay, for a tab that comes later; only the tab with the connection has it

    function leave() {
      stopped?.abort();
      others?.close();
      stopped = others = latest = undefined; // what was the latest may be old at the next join
    }

    const close = () => { closing.abort(); leave(); };

    // take gives an event to this tab's listeners.
    function take({ name, data }) {
      if (!stopped) return;
      if (name === 'state') return onState?.(data);
      if (name === 'delayed') return onDelayed?.({ reason: data.reason, retryAfter: data.retry_after });
      close();
      const told = data?.error ?? {};
      if (name === 'ended') recheck();
      onEnded?.(new StagedoorError(told.message || 'The stream has ended.', {
        status: told.status, reason: told.reason || (name === 'replaced' ? 'REPLACED' : 'STREAM_ENDED'),
        loginUrl: told.login_url ? locate(told.login_url).href : null, missingScopes: told.missing_scopes,
      }));
    }

    function tell(event) {
      if (event.name !== 'delayed') latest = { ...event, at: Date.now() };
      others?.postMessage(event);
      take(event);
    }

    // connect opens the stream and settles when this tab needs it no longer.
    function connect(signal) {
      return new Promise((resolve) => {
        let source;
        let timer;
        const open = () => {
          source = new EventSource(url.href, { withCredentials: credentials === 'include' });
          for (const name of ['state', 'delayed', 'failed', 'ended', 'replaced']) {
            source.addEventListener(name, ({ data }) => tell({ name, data: parse(data) }));
          }
          source.onerror = () => { if (source.readyState === 2) lookWhy(2000); };
        };
        // An EventSource gives up at any answer but a stream. One of a gateway that is down is worth another try.
        const lookWhy = async (wait) => {
          const looked = new AbortController();
          const answer = await send(url.href, { credentials, signal: looked.signal }).catch(() => null);
          if (signal.aborted) return;
          if (answer?.status === 200 && answer.headers.get('Content-Type') === 'text/event-stream') {
            looked.abort();
            open();
          } else if (answer && answer.status < 500 && answer.status !== 429) {
            const told = parse(await answer.text().catch(() => '')) ?? {};
            const reason = answer.headers.get('Stagedoor-Reason');
            // The cookie of a session that is over is answered 204, which has no body to say where to log in.
            told.error ??= { status: answer.status, reason, login_url: answer.status === 204 && reason ? '/auth/login' : null };
            tell({ name: 'ended', data: told });
          } else {
            timer = setTimeout(lookWhy, wait, Math.min(2 * wait, 30_000));
          }
        };
        signal.addEventListener('abort', () => {
          source?.close();
          clearTimeout(timer);
          resolve();
        });
        open();
      });
    }

    function join() {
      if (stopped || closing.signal.aborted) return;
      const { signal } = (stopped = new AbortController());
      if (!locks) return void connect(signal);
      const tabs = others = new BroadcastChannel(name);
      tabs.onmessage = ({ data }) => {
        if (data !== 'ask') take(data);
        else if (latest) tabs.postMessage(countOn(latest));
      };
      tabs.unref?.();
      locks.request(name, { signal }, () => signal.aborted || connect(signal)).catch(() => {});
      tabs.postMessage('ask');
    }

    // A page that is frozen, or in the back-forward cache, takes no events: it leaves the connection to another tab, and gets
    // the newest state when it comes back.
    for (const [target, away, back] of [['window', 'pagehide', 'pageshow'], ['document', 'freeze', 'resume']]) {
      globalThis[target]?.addEventListener(away, leave, closing);
      globalThis[target]?.addEventListener(back, join, closing);
    }
    join();
    return { close };
  }

  if (channel) {
    // A check that is under way may be older than this news, so another one begins.
    channel.onmessage = ({ data }) => { if (listeners.size > 0 && data !== known) session().catch(() => {}); };
    channel.unref?.(); // in Node, a client must not keep the process alive
  }
  globalThis.document?.addEventListener('visibilitychange', recheckIfSeen, { signal: closed.signal });
  globalThis.window?.addEventListener('focus', recheckIfSeen, { signal: closed.signal });
  // A page that comes back from the back-forward cache shows what was true when it was left.
  globalThis.window?.addEventListener('pageshow', ({ persisted }) => { if (persisted) recheck(); }, { signal: closed.signal });

  return {
    session,
    login: (options) => globalThis.location.assign(loginUrl(options)),
    loginUrl,
    logout,
    token,
    onChange,
    fetch: call,
    get,
    pages,
    post: (path, body, init) => command('POST', path, body, init),
    put: (path, body, init) => command('PUT', path, body, init),
    delete: (path, body, init) => command('DELETE', path, body, init),
    live,
    close() {
      channel?.close();
      closed.abort();
      listeners.clear();
    },
  };
}

// countOn is an event for a tab that comes later: with the progress that a track has made since.
function countOn({ name, data, at }) {
  if (!data?.is_playing || !Number.isFinite(data.progress_ms)) return { name, data };
  return { name, data: { ...data, progress_ms: data.progress_ms + Date.now() - at } };
}

// limits are the reasons of a 429 that time alone mends.
const limits = new Set(['RATE_LIMITED', 'QUOTA_EXCEEDED']);

function sleep(wait, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, wait);
    signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

// identify is equal for two answers of /auth/session when nothing has changed that a page would show.
function identify(answer) {
  return answer.authenticated ? [answer.user.id, ...answer.scopes].join(' ') : '';
}

// parse returns undefined for what is not JSON.
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// seconds reads a Retry-After: seconds, or a date (RFC 9110, section 10.2.3).
function seconds(header) {
  const wait = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}
