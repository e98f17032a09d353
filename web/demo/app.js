// The demo frontend: shows what the user of a gateway gets, and that the page itself holds no token.

import { setUpArtists, startArtists } from './artists.js';
import { byId } from './dom.js';
import { closeDoor, openDoor, welcome } from './entrance.js';
import { observe, stagedoor } from './gateway.js';
import { showHoldings } from './holdings.js';
import { setUpLibrary, startLibrary } from './library.js';
import { clearTrouble, showNews, showTrouble } from './messages.js';
import { setUpPlayer, startPlayer } from './player.js';
import { startProfile } from './profile.js';
import { showRequest } from './requests.js';
import { showFigures } from './savings.js';

let life = new AbortController(); // ends with the login that is shown
let leaving = false; // this page is logging out itself

/**
 * Runs a task and shows its failure with a way to run it again. Resolves to the failure, or to undefined. What the end
 * of a login cuts off is no failure.
 */
async function attempt(name, task) {
  try {
    await task();
    clearTrouble(name);
    return undefined;
  } catch (error) {
    if (error.name === 'AbortError') return undefined;
    if (error.name !== 'StagedoorError') throw error;
    showTrouble(name, error, () => attempt(name, task));
    return error;
  }
}

function show(session) {
  life.abort();
  life = new AbortController();
  document.body.dataset.state = session.authenticated ? 'authenticated' : 'anonymous';
  openDoor(session.authenticated);
  if (!session.authenticated) return;
  startPlayer(session, life.signal);
  startProfile(session, life.signal, attempt);
  startLibrary(session, life.signal);
  startArtists(session, life.signal, attempt);
}

// changed follows what happens to the login while the page is open, here or in another tab.
function changed(session) {
  const was = document.body.dataset.state;
  show(session);
  if (session.authenticated) {
    showNews(was === 'authenticated' ? '' : 'You are logged in: another tab did that.');
  } else if (leaving) {
    showNews('You are logged out. The gateway has destroyed the session and its tokens.');
  } else {
    showEnded(session);
  }
  byId('main').focus({ preventScroll: true });
}

function showEnded(session) {
  showNews('');
  showTrouble('session', {
    status: 401, reason: session.reason ?? 'LOGIN_REQUIRED', message: 'You logged out in another tab, or the session timed out.',
    loginUrl: session.login_url, retryAfter: null, missingScopes: [],
  });
}

function logOut() {
  return attempt('logout', async () => {
    leaving = true;
    try {
      await stagedoor.logout();
    } finally {
      leaving = false;
    }
  });
}

async function begin() {
  const trouble = await attempt('session', async () => {
    const session = await stagedoor.session();
    show(session);
    if (session.reason === 'REAUTHORIZATION_REQUIRED') showEnded(session);
  });
  if (!trouble) return;
  document.body.dataset.state = 'unavailable';
  openDoor(false);
}

closeDoor();
observe((entry) => {
  showRequest(entry);
  showHoldings();
  showFigures();
});
setUpPlayer(attempt);
setUpLibrary(attempt);
setUpArtists();
byId('login').addEventListener('click', () => stagedoor.login({ returnTo: welcome() }));
byId('logout').addEventListener('click', logOut);
stagedoor.onChange(changed);
showHoldings();
showFigures();
begin();
