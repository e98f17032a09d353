// A speaker for Spotify's Web Playback SDK. The SDK insists on a token of its own and asks for another one every hour; the
// gateway gives it a good one each time, and keeps the refresh token.

import { createClient } from '/auth/client.js';

const stagedoor = createClient();
const [status, login, play] = ['status', 'login', 'play'].map((id) => document.getElementById(id));

// ?sdk=stand-in.js is for the demo, whose imitation of Spotify has no music.
const address = new URLSearchParams(location.search).get('sdk') === 'stand-in.js' ? './stand-in.js' : 'https://sdk.scdn.co/spotify-player.js';

globalThis.onSpotifyWebPlaybackSDKReady = () => {
  const player = new Spotify.Player({
    name: 'Stagedoor',
    // Called when the SDK connects, and whenever its token is about to end.
    getOAuthToken: (give) => { stagedoor.token().then(give, fail); },
  });

  player.addListener('ready', ({ device_id: device }) => {
    status.textContent = 'Ready.';
    login.hidden = true;
    play.hidden = false;
    play.onclick = () => stagedoor.put('/api/me/player', { device_ids: [device], play: true })
      .then(() => { status.textContent = 'Playing here.'; }, fail);
  });

  // Spotify does not take the token any more, before its time. A call through the gateway finds out why: the gateway
  // refreshes and the SDK connects again, or the call says that a login is needed.
  let repairing;
  player.addListener('authentication_error', () => {
    repairing ??= stagedoor.get('/api/me', { cache: 'no-store' }).then(() => player.connect(), fail)
      .finally(() => { repairing = undefined; });
  });
  player.addListener('account_error', () => { status.textContent = 'Spotify plays in pages for Premium accounts only.'; });
  player.connect();
};

function fail(error) {
  status.textContent = error.message;
  login.hidden = !error.loginUrl;
  login.onclick = () => stagedoor.login(error);
}

document.head.append(Object.assign(document.createElement('script'), { src: address }));
