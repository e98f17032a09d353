// <now-playing stream="/live/me/player">: what plays, as it plays. All tabs share one connection, and all visitors one poll.

import { createClient } from '/auth/client.js';

const stagedoor = createClient();

class NowPlaying extends HTMLElement {
  #stream;
  #ticking;
  #state = null;
  #at = 0; // when the state came

  connectedCallback() {
    this.setAttribute('aria-live', 'polite');
    this.#stream = stagedoor.live(this.getAttribute('stream'), {
      onState: (state) => this.#show(state),
      onDelayed: ({ retryAfter }) => { this.title = `Old news, for ${retryAfter} s at least`; },
      onEnded: (error) => this.#end(error),
    });
    this.#ticking = setInterval(() => this.#tick(), 500);
  }

  disconnectedCallback() {
    this.#stream.close();
    clearInterval(this.#ticking);
  }

  #show(state) {
    this.#state = state;
    this.#at = Date.now();
    this.title = '';
    const track = state?.item;
    if (!track) return this.replaceChildren(part('p', 'Silence.'));
    const cover = part('img', '', { src: track.album?.images?.at(-1)?.url ?? '', alt: '', width: 64, height: 64 });
    const by = track.artists?.map(({ name }) => name).join(', ') ?? track.show?.name ?? '';
    const bar = part('progress', '', { max: track.duration_ms });
    bar.setAttribute('aria-label', 'Progress');
    this.replaceChildren(cover, part('strong', track.name), part('span', by), bar);
    this.#tick();
  }

  #tick() {
    const bar = this.querySelector('progress');
    if (bar) bar.value = this.#state.progress_ms + (this.#state.is_playing ? Date.now() - this.#at : 0);
  }

  // The stream is over for good: nobody is logged in, or nobody has connected the account.
  #end(error) {
    if (!error.loginUrl) return this.replaceChildren(part('p', error.message));
    const login = part('button', 'Log in with Spotify');
    login.onclick = () => stagedoor.login(error);
    this.replaceChildren(login);
  }
}

function part(name, text, more = {}) {
  return Object.assign(document.createElement(name), text && { textContent: text }, more);
}

customElements.define('now-playing', NowPlaying);
