// What the plugin for Vite adds to a page in development: it shows what the gateway rejected, and how to mend it. An answer
// that an app has to expect, such as LOGIN_REQUIRED, is not shown.

const mends = {
  GATEWAY_UNREACHABLE: 'Start the gateway, for instance with: stagedoor demo -frontend (this server’s address). This page goes on by itself when it is there.',
  CROSS_ORIGIN_REFUSED: 'Open the page at the address that the plugin printed in the terminal, or list this origin in server.allowed_origins of config.yaml.',
  PATH_REFUSED: 'No route of the gateway takes this path. Look at routes and their allow in config.yaml; for /auth/token set session.browser_tokens.',
  METHOD_REFUSED: 'The route does not list this method: see methods in config.yaml.',
  BODY_TOO_LARGE: 'Send less, or raise server.max_request_body in config.yaml.',
  INVALID_REQUEST: 'The gateway cannot read this request. A login is a link or stagedoor.login(), never fetch().',
  USER_NOT_REGISTERED: 'The app is in development mode: add the user on Spotify’s dashboard, or log in as another.',
  INSUFFICIENT_SCOPE: 'Ask for the scope with stagedoor.login(error), or list it in spotify.scopes of config.yaml.',
  CLIENT_MISCONFIGURED: 'Spotify does not take the client id or the secret. Run: stagedoor check -online',
  STORE_UNAVAILABLE: 'Redis does not answer. Start it, or set session.store to memory while developing.',
  TOKEN_ENDPOINT_UNAVAILABLE: 'Spotify’s login does not answer. Wait, or look at spotify.token_url in config.yaml.',
  UPSTREAM_UNREACHABLE: 'Spotify cannot be reached. Look at the network, and at spotify.api_url in config.yaml.',
  UPSTREAM_TIMEOUT: 'Spotify is too slow. Try again.',
  RATE_LIMITED: 'Ask less often, or set quota.calls and quota.reuse in config.yaml. client.js says in error.retryAt when to try again.',
  INTERNAL_ERROR: 'This is an error of the gateway itself. Its log says more.',
};

const send = globalThis.fetch;
globalThis.fetch = async function fetch(...request) {
  const response = await send.apply(this, request);
  const reason = response.headers.get('Stagedoor-Reason');
  if (response.status >= 400 && mends[reason]) {
    response.clone().json().then(({ error }) => show(reason, error.message, response), () => show(reason, '', response));
  }
  return response;
};

let frame;
const shown = new Map(); // a reason's entry

function show(reason, message, { status, url }) {
  frame ??= build();
  if (!frame.host.isConnected) document.body.append(frame.host);
  const entry = shown.get(reason) ?? element('section');
  shown.set(reason, entry);
  const { pathname } = new URL(url);
  entry.replaceChildren(element('h2', `${reason} (${status})`), element('p', message), element('p', mends[reason], 'mend'), element('p', pathname, 'where'));
  frame.list.prepend(entry);
}

function build() {
  const host = element('stagedoor-overlay');
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet(); // a style element would need the page's policy to allow it
  sheet.replaceSync(`
    :host { all: initial; position: fixed; inset: auto 1rem 1rem auto; z-index: 99999; max-width: min(30rem, calc(100vw - 2rem)); }
    div { font: 14px/1.45 system-ui, sans-serif; color: #f4f1ea; background: #1d1a17; border-radius: 10px; padding: 1rem 1.1rem;
      box-shadow: 0 8px 30px #0008; max-height: 60vh; overflow: auto; border-left: 4px solid #ff7a59; }
    header { display: flex; justify-content: space-between; gap: 1rem; color: #cdc6ba; }
    section + section { border-top: 1px solid #4a443d; margin-top: .8rem; }
    h2 { font: 600 15px/1.3 ui-monospace, monospace; margin: .7rem 0 .2rem; color: #ffb39e; overflow-wrap: anywhere; }
    p { margin: .2rem 0; } .mend { font-weight: 600; } .where { color: #cdc6ba; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
    button { font: inherit; color: inherit; background: none; border: 1px solid #7d756a; border-radius: 6px; padding: .1rem .6rem; cursor: pointer; }
  `);
  root.adoptedStyleSheets = [sheet];
  const box = element('div');
  const list = element('article');
  const close = element('button', 'Close');
  close.onclick = () => { host.remove(); shown.clear(); list.replaceChildren(); };
  const header = element('header', 'Stagedoor, in development only ');
  header.append(close);
  box.setAttribute('role', 'alert');
  box.append(header, list);
  root.append(box);
  return { host, list };
}

function element(name, text = '', kind = '') {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
