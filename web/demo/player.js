// The panel "Now playing".

import { cover } from './art.js';
import { byId } from './dom.js';
import { stagedoor } from './gateway.js';
import { permitted, setUpPermission } from './permission.js';
import { followPlayback } from './playback.js';
import { setSource, startSavings } from './savings.js';

const scopes = ['user-read-playback-state', 'user-modify-playback-state'];

const settle = 700; // milliseconds that Spotify takes to know of a command

const onlyPremium = 'Spotify lets only Premium accounts play, pause and skip from an app.';
const notAllowed = 'This login may not command your player. Allow that in the panel "Now playing".';

let attempt; // runs a task and shows its trouble, if any
let life; // ends with the login that the panel is shown for; undefined outside of one
let source; // where the state comes from
let playback; // the last answer; null when nothing plays, undefined when it is not known
let answeredAt = 0; // performance.now() of the last answer
let controls = true; // whether this user may command a player at all
let ticker;
let onTrack = () => {};

/** Connects the buttons, once. The given function runs a task under a name and shows what goes wrong. */
export function setUpPlayer(run) {
  attempt = run;
  setUpPermission('player', scopes);
  byId('player-toggle').addEventListener('click', () => command('PUT', isPlaying() ? 'pause' : 'play'));
  byId('player-next').addEventListener('click', () => command('POST', 'next'));
  byId('player-previous').addEventListener('click', () => command('POST', 'previous'));
}

/** Takes the buttons away from an account that Spotify lets nobody command: only Premium can. */
export function setProduct(product) {
  controls = !product || product === 'premium';
  byId('player-premium').textContent = controls ? '' : onlyPremium;
  byId('player-premium').hidden = controls;
  show();
}

/** Shows what plays, until the signal ends. */
export function startPlayer(session, signal) {
  setProduct(undefined);
  const allowed = permitted('player', session, scopes);
  document.querySelector('.player').dataset.allowed = allowed;
  life = allowed ? signal : undefined;
  if (!allowed) return;
  let from;
  source = followPlayback(signal, attempt, {
    onSource(is) { from = is; setSource(from, isPlaying()); },
    onState(state) { update(state); setSource(from, isPlaying()); },
  });
  signal.addEventListener('abort', () => {
    clearInterval(ticker);
    life = undefined;
    update(undefined);
  });
  update(undefined);
  startSavings(signal);
}

/** Why a track cannot be started from here, or ''. */
export function whyNotPlay() {
  if (!life) return notAllowed;
  return controls ? '' : onlyPremium;
}

/** Starts a track of a playlist. Resolves to what went wrong, or to undefined. */
export function playTrack(track, playlist) {
  return command('PUT', 'play', { context_uri: playlist.uri, offset: { uri: track.uri } }, track);
}

/** Calls the listener with the URI of the track, again and again as it changes; undefined without one. */
export function watchTrack(listener) {
  onTrack = listener;
}

const isPlaying = () => playback?.is_playing === true;

// command sends one to the gateway, and shows at once what it will do where that is known. The gateway pushes the rest.
async function command(method, name, body, track) {
  const signal = life;
  const path = `/api/me/player/${name}`;
  source.overtake();
  const error = await attempt('player command', () => (method === 'PUT' ? stagedoor.put(path, body) : stagedoor.post(path)));
  if (error || signal.aborted) return error;
  if (track) update({ ...playback, item: track, is_playing: true, progress_ms: 0 });
  else if (playback && method === 'PUT') update({ ...playback, is_playing: name === 'play', progress_ms: elapsed() });
  source.ask(settle);
  return undefined;
}

function update(answer) {
  playback = answer;
  answeredAt = performance.now();
  show();
}

function elapsed() {
  const since = isPlaying() ? performance.now() - answeredAt : 0;
  return Math.min((playback?.progress_ms ?? 0) + since, playback?.item?.duration_ms ?? Infinity);
}

function show() {
  const item = playback?.item;
  const state = stateOf(playback);
  document.querySelector('.player').dataset.state = state;
  byId('player-state').textContent = device(state);
  byId('player-title').textContent = item?.name ?? { idle: 'Silence', unknown: 'Not known yet' }[state] ?? 'Something private';
  byId('player-artist').textContent = item ? makers(item)
    : state === 'idle' ? 'Start music on any of your devices, and it shows up here.' : '';
  byId('player-art').replaceChildren(cover(item?.album?.name ?? item?.name ?? 'silence'));
  const toggle = byId('player-toggle');
  toggle.setAttribute('aria-label', isPlaying() ? 'Pause' : 'Play');
  byId('player-previous').disabled = byId('player-next').disabled = !playback || !controls;
  toggle.disabled = !controls;
  onTrack(item?.uri);
  showProgress();
  clearInterval(ticker);
  if (isPlaying() && elapsed() < item?.duration_ms) ticker = setInterval(tick, 250);
}

function stateOf(answer) {
  if (answer === undefined) return 'unknown';
  if (answer === null) return 'idle';
  return answer.is_playing ? 'playing' : 'paused';
}

function device(state) {
  if (state === 'unknown') return '';
  if (state === 'idle') return 'Nothing is playing';
  const name = playback.device?.name;
  return `${state === 'playing' ? 'Playing' : 'Paused'}${name ? ` on ${name}` : ''}`;
}

// makers are a track's artists or an episode's show.
function makers(item) {
  return item.artists?.map(({ name }) => name).join(', ') ?? item.show?.name ?? '';
}

function tick() {
  showProgress();
  if (elapsed() >= playback.item.duration_ms) {
    clearInterval(ticker);
    source.ask(0);
  }
}

function showProgress() {
  const length = playback?.item?.duration_ms;
  document.querySelector('.player-track').hidden = !length;
  if (!length) return;
  const progress = byId('player-progress');
  progress.max = length;
  progress.value = elapsed();
  byId('player-elapsed').textContent = clock(elapsed());
  byId('player-duration').textContent = clock(length);
}

/** A length of time as minutes and seconds. */
export function clock(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
