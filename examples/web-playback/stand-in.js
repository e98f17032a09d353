// Stands in for Spotify's Web Playback SDK, which plays nothing without a real account. It asks for tokens when the real one
// does, and posts each to ?check=, if there is one, to learn whether it is good. standIn.hour() lets an hour pass.

(() => {
  const check = new URLSearchParams(location.search).get('check');
  const players = [];

  class Player {
    #options;
    #listeners = {};
    #connected = false;

    constructor(options) {
      this.#options = options;
      players.push(this);
    }

    addListener(name, listener) { (this.#listeners[name] ??= []).push(listener); }

    async connect() {
      const token = await new Promise((give) => { this.#options.getOAuthToken(give); });
      standIn.tokens.push(token);
      const good = !check || (await fetch(check, { method: 'POST', body: token })).ok;
      if (!good) this.#tell('authentication_error', { message: 'Authentication failed' });
      else if (!this.#connected) this.#tell('ready', { device_id: 'stand-in' });
      this.#connected = good;
      return good;
    }

    #tell(name, data) { for (const listener of this.#listeners[name] ?? []) listener(data); }
  }

  globalThis.standIn = { tokens: [], hour: () => Promise.all(players.map((player) => player.connect())) };
  globalThis.Spotify = { Player };
  globalThis.onSpotifyWebPlaybackSDKReady();
})();
