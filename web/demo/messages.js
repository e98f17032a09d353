// Friendly words for refusals, each with its reason and a way on.

import { byId, element } from './dom.js';
import { stagedoor } from './gateway.js';

const titles = {
  LOGIN_REQUIRED: 'Your session has ended',
  REAUTHORIZATION_REQUIRED: 'Spotify ended this authorization',
  INSUFFICIENT_SCOPE: 'One more permission is needed',
  USER_NOT_REGISTERED: 'This account is not on the app’s list yet',
  RATE_LIMITED: 'Too many requests for the moment',
  QUOTA_EXCEEDED: 'This app has used up its quota at Spotify',
  STORE_UNAVAILABLE: 'The gateway cannot look up your session',
  TOKEN_ENDPOINT_UNAVAILABLE: 'Spotify’s login service is down',
  CLIENT_MISCONFIGURED: 'This app is not set up correctly',
  UPSTREAM_UNREACHABLE: 'Spotify cannot be reached',
  UPSTREAM_TIMEOUT: 'Spotify took too long',
  NETWORK_ERROR: 'The gateway cannot be reached',
  NO_ACTIVE_DEVICE: 'No device is listening',
  PREMIUM_REQUIRED: 'This needs Spotify Premium',
};

const titlesByStatus = {
  401: 'Spotify did not accept this call',
  403: 'Spotify refused this',
  404: 'Spotify did not find this',
  429: titles.RATE_LIMITED,
};

const advice = {
  NO_ACTIVE_DEVICE: 'Open Spotify on a phone, a computer or a speaker, then try again.',
};

// What went wrong, by what was being done: {error, retry}. Troubles with one reason are shown as one notice.
const troubles = new Map();

let news = ''; // the last thing said that is no trouble
let countdowns = []; // the timers of the notices on the page

/** Shows why something failed. The source is what was being done; retry does it again. */
export function showTrouble(source, error, retry) {
  troubles.set(source, { error, retry });
  render();
}

/** Takes away the notice of something that works now. */
export function clearTrouble(source) {
  if (troubles.delete(source)) render();
}

/** Takes away everything, and says something that is no trouble; the empty text says nothing. */
export function showNews(text) {
  troubles.clear();
  news = text;
  render();
}

function render() {
  countdowns.forEach(clearInterval);
  countdowns = [];
  const groups = new Map();
  for (const [source, { error, retry }] of troubles) {
    const key = `${error.status} ${error.reason}`;
    const group = groups.get(key) ?? { sources: [], errors: [], retries: [] };
    group.sources.push(source);
    group.errors.push(error);
    group.retries.push(retry);
    groups.set(key, group);
  }
  const notices = [...groups.values()].map(trouble);
  if (news) notices.unshift(notice({ reason: '', text: news, dismiss: () => { news = ''; } }));
  byId('message').replaceChildren(...notices);
}

function trouble({ sources, errors, retries }) {
  const [error] = errors;
  const wait = Math.max(...errors.map(({ retryAfter }) => retryAfter ?? 0));
  const scopes = [...new Set(errors.flatMap(({ missingScopes }) => missingScopes))];
  return notice({
    reason: error.reason,
    title: titles[error.reason] ?? titlesByStatus[error.status] ?? 'That did not work',
    text: scopes.length > 0
      ? `Allow ${scopes.join(', ')} at Spotify, and come back here.`
      : advice[error.reason] ?? error.message,
    code: [error.status || '', error.reason].join(' ').trim(),
    action: wayOn(error, scopes, () => retries.forEach((retry) => retry()), wait),
    dismiss: () => sources.forEach((source) => troubles.delete(source)),
  });
}

function notice({ reason, title, text, code, action, dismiss }) {
  const close = element('button', { class: 'round small', type: 'button', 'aria-label': 'Dismiss this message' }, '×');
  close.addEventListener('click', () => { dismiss(); render(); });
  return element('div', { class: title ? 'notice' : 'notice news', 'data-reason': reason },
    element('div', { class: 'notice-text' },
      title ? element('h2', {}, title) : null,
      element('p', {}, text),
      code ? element('p', {}, element('code', {}, code)) : null),
    action,
    close);
}

// wayOn is the button that helps: a login where the gateway names one, otherwise another try once it may succeed.
function wayOn(error, scopes, retry, wait) {
  if (error.reason === 'USER_NOT_REGISTERED') {
    return button('Use another account', () => stagedoor.login({ showDialog: true }));
  }
  if (error.reason === 'INSUFFICIENT_SCOPE' && error.loginUrl) {
    return button('Allow it', () => stagedoor.login({ loginUrl: error.loginUrl, scope: scopes }));
  }
  if (error.loginUrl) return button('Log in again', () => stagedoor.login(error));
  const made = button('Try again', retry);
  if (wait > 0) countDown(made, wait);
  return made;
}

function button(text, onClick) {
  const made = element('button', { class: 'button', type: 'button' }, text);
  made.addEventListener('click', onClick);
  return made;
}

// countDown keeps a button closed for so many seconds. Screen readers hear the time once, not every second.
function countDown(made, wait) {
  const ends = Date.now() + wait * 1000;
  made.disabled = true;
  made.setAttribute('aria-live', 'off');
  const tick = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    made.disabled = left > 0;
    made.textContent = left > 0 ? `Try again in ${duration(left)}` : 'Try again';
    if (left <= 0) clearInterval(timer);
  };
  const timer = setInterval(tick, 250);
  countdowns.push(timer);
  tick();
}

function duration(seconds) {
  if (seconds < 100) return `${seconds} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}
