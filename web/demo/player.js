// The panel "Now playing".

import { cover } from './art.js';
import { byId } from './dom.js';
import { stagedoor } from './gateway.js';
import { permitted, setUpPermission } from './permission.js';

const scopes = ['user-read-playback-state', 'user-modify-playback-state'];

const pollEvery = 10_000; // milliseconds; a page that nobody sees does not ask
const settle = 700; // milliseconds that Spotify takes to know of a command

let attempt; // runs a task and shows its trouble, if any
let life; // ends with the login that the panel is shown for; undefined outside of one
let playback; // the last answer; null when nothing plays, undefined when it is not known
let turn = 0; // counts questions and commands: an answer that a later one has overtaken is not shown
let askedAt = 0; // performance.now() of the last question
let answeredAt = 0; // and of the last answer
let controls = true; // whether this user may command a player at all
let poll;
let ticker;

/** Connects the buttons, once. The given function runs a task under a name and shows what goes wrong. */
export function setUpPlayer(run) {
  attempt = run;
  setUpPermission('player', scopes);
  byId('player-toggle').addEventListener('click', () => command('PUT', isPlaying() ? 'pause' : 'play'));
  byId('player-next').addEventListener('click', () => command('POST', 'next'));
  byId('player-previous').addEventListener('click', () => command('POST', 'previous'));
  document.addEventListener('visibilitychange', () => {
    if (life && !document.hidden && performance.now() - askedAt > pollEvery) load();
  });
}

/** Takes the buttons away from an account that Spotify lets nobody command: only Premium can. */
export function setProduct(product) {
  controls = !product || product === 'premium';
  byId('player-premium').hidden = controls;
  show();
}

/** Shows what plays, until the signal ends. */
export function startPlayer(session, signal) {
  setProduct(undefined);
  const allowed = permitted('player', session, scopes);
  document.querySelector('.player').dataset.allowed = allowed;
  if (!allowed) return;
  life = signal;
  signal.addEventListener('abort', () => {
    clearTimeout(poll);
    clearInterval(ticker);
    life = undefined;
    update(undefined);
  });
  update(undefined);
  load();
}

const isPlaying = () => playback?.is_playing === true;

async function load() {
  clearTimeout(poll);
  askedAt = performance.now();
  const signal = life;
  const mine = ++turn;
  const trouble = await attempt('player', async () => {
    const answer = await stagedoor.get('/api/me/player', { signal });
    if (mine === turn) update(answer);
  });
  if (trouble) update(undefined);
  // A missing permission does not come by waiting; whatever else is wrong may be over by then.
  if (signal.aborted || trouble?.reason === 'INSUFFICIENT_SCOPE') return;
  clearTimeout(poll);
  poll = setTimeout(() => { if (!document.hidden) load(); }, Math.max(pollEvery, (trouble?.retryAfter ?? 0) * 1000));
}

async function command(method, name) {
  const signal = life;
  const path = `/api/me/player/${name}`;
  turn++;
  const error = await attempt('player command', () => (method === 'PUT' ? stagedoor.put(path) : stagedoor.post(path)));
  if (error || signal.aborted) return;
  if (playback && method === 'PUT') {
    update({ ...playback, is_playing: name === 'play', progress_ms: elapsed() });
  }
  clearTimeout(poll);
  poll = setTimeout(load, settle);
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
  showProgress();
  clearInterval(ticker);
  if (isPlaying() && elapsed() < item?.duration_ms) ticker = setInterval(tick, 1000);
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
    load();
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
