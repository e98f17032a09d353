// The panel "Your top artists". It asks for its permission only when the user wants it: a step-up login.

import { face } from './art.js';
import { byId, element } from './dom.js';
import { stagedoor } from './gateway.js';

const scope = 'user-top-read';

/** Connects the button, once. */
export function setUpArtists() {
  byId('artists-allow').addEventListener('click', () => stagedoor.login({ scope }));
}

/** Shows the artists of the user of this session, or asks for the permission. */
export async function startArtists(session, signal, attempt) {
  const allowed = session.scopes.includes(scope);
  byId('artists').replaceChildren();
  byId('artists-allow').hidden = allowed;
  say(allowed ? '' : `This login does not include ${scope}. You can add it without logging out.`);
  if (!allowed) return;
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
