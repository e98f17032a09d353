import { error } from '@sveltejs/kit';
import { clientFor } from '$lib/server/gateway.js';

// The first page is rendered here, with the visitor's own playlists in it.
export async function load(event) {
  const stagedoor = clientFor(event);
  try {
    const session = await stagedoor.session();
    const playlists = session.authenticated ? await stagedoor.get('/api/me/playlists?limit=10') : null;
    event.setHeaders({ 'Cache-Control': 'private, no-store' }); // it is somebody's own
    return { session, playlists };
  } catch (reason) {
    if (reason.name !== 'StagedoorError') throw reason;
    error(reason.status || 502, reason.message);
  }
}
