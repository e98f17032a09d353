// The figures of the proof: tokens that this page holds, answers that came through the gateway, and calls that were never made.

import { byId } from './dom.js';
import { traffic } from './gateway.js';
import { countTabs, joinTabs } from './tabs.js';

const liveEvery = 3; // seconds between the gateway's polls while something plays: live.every
const liveIdle = 20; // and while nothing does: live.idle

let source; // where the player's state comes from; undefined when nobody follows it
let playing = false;
let tabs = 0;
let polls = 0; // that other tabs would have made for themselves while this one was open

/** Counts the polls that are saved, until the signal ends. */
export function startSavings(signal) {
  joinTabs(signal);
  let before = performance.now();
  const timer = setInterval(async () => {
    tabs = await countTabs();
    if (signal.aborted) return;
    const seconds = (performance.now() - before) / 1000;
    before += seconds * 1000;
    // The gateway polls once for all of them.
    if (source === 'live') polls += Math.max(0, tabs - 1) * seconds / (playing ? liveEvery : liveIdle);
    showFigures();
  }, 1000);
  signal.addEventListener('abort', () => {
    clearInterval(timer);
    setSource(undefined, false);
  });
}

/** Says where the player's state comes from, and whether it plays. */
export function setSource(from, isPlaying) {
  source = from;
  playing = isPlaying;
  showFigures();
}

/** Shows the figures as they are now. */
export function showFigures() {
  const saved = Math.floor(polls);
  write('figure-answers', traffic.answers);
  write('figure-saved', saved + traffic.cached + traffic.joined);
  byId('figure-saved-how').textContent = `Saved: ${traffic.cached} cached · ${traffic.joined} joined · ${saved} polls of other tabs`;
  byId('player-live').textContent = sentence();
  byId('player-live').dataset.source = source ?? '';
  byId('second-tab').hidden = source !== 'live';
}

function sentence() {
  if (source === 'live') return tabs > 1 ? `Live in ${tabs} tabs` : 'Live';
  if (source === 'delayed') return 'Waiting for Spotify';
  return source === 'polling' ? 'Asks every 10 s' : '';
}

function write(id, count) {
  byId(id).textContent = String(count);
}
