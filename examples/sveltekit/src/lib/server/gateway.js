import { env } from '$env/dynamic/private';
import { createClient } from 'stagedoor';

// Where this server reaches the gateway; browsers reach it at this app's own origin.
const gateway = env.STAGEDOOR_URL || 'http://127.0.0.1:8080';

/** A client for one request: it shows the gateway the visitor's cookie, and so sees what the visitor would. Never keep it. */
export function clientFor({ request, url }) {
  return createClient({
    base: url.origin, // the links in Spotify's answers lead there
    fetch: (address, init) => {
      const headers = new Headers(init?.headers);
      headers.set('Cookie', request.headers.get('Cookie') ?? '');
      headers.set('Stagedoor-Request', '1'); // no browser: a call that changes something has to say so
      return fetch(gateway + address.slice(url.origin.length), { ...init, headers });
    },
  });
}
