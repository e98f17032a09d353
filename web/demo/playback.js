// Where the state of the player comes from: pushed by the gateway, or asked for where it has no route with live.

import { listen, stagedoor } from './gateway.js';

const pollEvery = 10_000; // milliseconds; a page that nobody sees does not ask

/**
 * Follows the player until the signal ends. onState gets Spotify's answer, null for silence and undefined when it is not
 * known; onSource gets 'live', 'delayed' or 'polling' before it. `attempt` runs a task and shows what goes wrong.
 * The result's `ask(wait)` is for a state that is about to change: after so many milliseconds it is asked for, unless it is pushed.
 * `overtake` ignores the answer that is under way.
 */
export function followPlayback(signal, attempt, { onState, onSource }) {
  let poller;
  const stream = listen('/live/me/player', {
    onState(state) { onSource('live'); onState(state); },
    onDelayed() { onSource('delayed'); },
    onEnded({ status }) {
      if (signal.aborted || status === 401) return; // at the end of a login, the client tells what has become of the session
      onSource('polling');
      poller = pollPlayback(signal, attempt, onState);
    },
  });
  signal.addEventListener('abort', () => stream.close());
  return {
    ask: (wait) => poller?.ask(wait),
    overtake: () => poller?.overtake(),
  };
}

function pollPlayback(signal, attempt, onState) {
  let turn = 0; // counts questions and commands: an answer that a later one has overtaken is not shown
  let askedAt; // performance.now() of the last question
  let timer;

  async function load() {
    clearTimeout(timer);
    askedAt = performance.now();
    const mine = ++turn;
    const trouble = await attempt('player', async () => {
      const answer = await stagedoor.get('/api/me/player', { signal });
      if (mine === turn) onState(answer);
    });
    if (signal.aborted) return;
    if (trouble) onState(undefined);
    // A missing permission does not come by waiting; whatever else is wrong may be over by then.
    if (trouble?.reason === 'INSUFFICIENT_SCOPE') return;
    ask(Math.max(pollEvery, (trouble?.retryAfter ?? 0) * 1000));
  }

  function ask(wait) {
    clearTimeout(timer);
    timer = setTimeout(() => { if (!document.hidden) load(); }, wait);
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && performance.now() - askedAt > pollEvery) load();
  }, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  load();
  return { ask, overtake: () => { turn++; } };
}
