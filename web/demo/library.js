// The panel "Playlists", and the sheet with the tracks of one.

import { cover } from './art.js';
import { byId, element } from './dom.js';
import { createPaging } from './paging.js';
import { permitted, setUpPermission } from './permission.js';
import { clock, playTrack, watchTrack, whyNotPlay } from './player.js';

const scopes = ['playlist-read-private'];

let playlists;
let tracks;
let life; // ends with the login that the panel is shown for
let sheet; // ends when the sheet closes
let shown; // the playlist of the sheet
let current; // the URI of the track that plays or is paused

/** Connects the lists, once. The given function runs a task under a name and shows what goes wrong. */
export function setUpLibrary(attempt) {
  setUpPermission('playlists', scopes);
  playlists = createPaging({
    list: byId('playlists'), id: 'playlists', unit: ['playlist', 'playlists'], row: tile, attempt,
  });
  tracks = createPaging({
    list: byId('tracks-list'), id: 'tracks', unit: ['track', 'tracks'], row: line,
    attempt: async (name, task) => {
      const trouble = await attempt(name, task);
      if (trouble) byId('tracks').close(); // the notice stands behind the sheet
      return trouble;
    },
  });
  watchTrack((uri) => {
    current = uri;
    byId('tracks-list').querySelectorAll('[data-uri]').forEach(mark);
  });
  byId('tracks').addEventListener('close', () => {
    sheet.abort();
    tracks.start(null);
  });
}

/** Shows the playlists, until the signal ends. */
export async function startLibrary(session, signal) {
  life = signal;
  signal.addEventListener('abort', () => {
    byId('tracks').close();
    playlists.start(null);
  });
  byId('playlists-empty').hidden = true;
  if (!permitted('playlists', session, scopes)) return;
  await playlists.start('/api/me/playlists?limit=20', signal);
  byId('playlists-empty').hidden = byId('playlists-count').dataset.total !== '0';
}

function tile(playlist) {
  const size = (playlist.items ?? playlist.tracks)?.total; // Spotify calls it items since February 2026
  const details = [playlist.owner?.display_name, size === undefined ? null : `${size} ${size === 1 ? 'track' : 'tracks'}`];
  const open = element('button', { class: 'tile', type: 'button' },
    cover(playlist.name),
    element('span', { class: 'tile-text' },
      element('span', { class: 'tile-name' }, playlist.name),
      element('span', { class: 'muted' }, details.filter(Boolean).join(' · '))));
  open.addEventListener('click', () => openTracks(playlist));
  return element('li', { 'data-id': playlist.id }, open);
}

function openTracks(playlist) {
  sheet = new AbortController();
  shown = playlist;
  byId('tracks-title').textContent = playlist.name;
  byId('tracks-note').textContent = whyNotPlay();
  byId('tracks').showModal();
  tracks.start(`/api/playlists/${encodeURIComponent(playlist.id)}/items?limit=50`, AbortSignal.any([life, sheet.signal]));
}

function line(entry) {
  const track = entry.item ?? entry.track; // as above; null for what is no longer there
  if (!track) return element('li', {}, element('span', { class: 'muted' }, 'No longer available'));
  const why = whyNotPlay();
  const play = element('button', {
    class: 'track', type: 'button', disabled: why !== '', 'data-uri': track.uri, 'aria-describedby': why ? 'tracks-note' : null,
  },
  element('span', { class: 'tile-text' },
    element('span', { class: 'tile-name' }, track.name),
    element('span', { class: 'muted' }, track.artists?.map(({ name }) => name).join(', ') ?? track.show?.name ?? '')),
  element('span', { class: 'time' }, clock(track.duration_ms ?? 0)));
  play.addEventListener('click', async () => {
    if (await playTrack(track, shown)) byId('tracks').close(); // the notice stands behind the sheet
  });
  mark(play);
  return element('li', {}, play);
}

function mark(row) {
  if (row.dataset.uri === current) row.setAttribute('aria-current', 'true');
  else row.removeAttribute('aria-current');
}
