// The panel "Your top artists". It asks for its permission only when the user wants it: a step-up login.

import { face } from './art.js';
import { byId, element } from './dom.js';
import { stagedoor } from './gateway.js';
import { permitted, setUpPermission } from './permission.js';

const scopes = ['user-top-read'];

/** Connects the button, once. */
export function setUpArtists() {
  setUpPermission('artists', scopes);
}

/** Shows the artists of the user of this session, or asks for the permission. */
export async function startArtists(session, signal, attempt) {
  byId('artists').replaceChildren();
  say('');
  if (!permitted('artists', session, scopes)) return;
  await attempt('artists', async () => {
    const { items } = await stagedoor.get('/api/me/top/artists?limit=6', { signal });
    byId('artists').replaceChildren(...items.map(({ name }) => element('li', {}, face(name), element('span', {}, name))));
    if (items.length === 0) say('Spotify does not know your favourites yet.');
  });
}

function say(text) {
  byId('artists-note').textContent = text;
  byId('artists-note').hidden = text === '';
}
