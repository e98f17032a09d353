// The panel "Logged in as": what the gateway says of the session, and what Spotify says of the user.

import { face } from './art.js';
import { byId, element } from './dom.js';
import { stagedoor } from './gateway.js';
import { setProduct } from './player.js';

const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

/** Shows the user of this session, until the signal ends. */
export async function startProfile(session, signal, attempt) {
  const name = session.user.display_name || session.user.id;
  byId('profile-name').textContent = name;
  byId('profile-art').replaceChildren(face(name));
  byId('profile-details').textContent = '';
  byId('profile-session').replaceChildren(
    ...fact('Session ends', session.session_expires_at),
    ...fact('Log in again by', session.reauthorize_by),
    element('dt', {}, 'Granted scopes'),
    element('dd', { class: 'scopes' }, ...session.scopes.map((scope) => element('code', { class: 'scope' }, scope))));
  signal.addEventListener('abort', () => {
    for (const id of ['profile-name', 'profile-art', 'profile-details', 'profile-session']) byId(id).replaceChildren();
  });
  await attempt('profile', async () => {
    const me = await stagedoor.get('/api/me', { signal });
    if (!signal.aborted) setProduct(me.product);
    const details = [me.email, me.product && `Spotify ${me.product}`, me.country]; // each may be absent
    byId('profile-details').textContent = details.filter(Boolean).join(' · ');
  });
}

function fact(name, rfc3339) {
  const time = element('time', { datetime: rfc3339 }, day.format(new Date(rfc3339)));
  return [element('dt', {}, name), element('dd', {}, time)];
}
