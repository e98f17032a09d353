// The panel "What this page holds": looks everywhere a script of this page could look for a token.

import { byId, element } from './dom.js';
import { traffic } from './gateway.js';

// Modules are evaluated before the page does anything, so these are the browser's own.
const globalsAtStart = new Set(Object.keys(window));

// Each place answers with the names of what it holds; a token would be one of them.
const places = [
  { name: 'document.cookie', what: 'cookies', held: () => document.cookie.split('; ').filter(Boolean).map(nameOf) },
  { name: 'localStorage', what: 'keys', held: () => Object.keys(localStorage) },
  { name: 'sessionStorage', what: 'keys', held: () => Object.keys(sessionStorage) },
  { name: 'indexedDB', what: 'databases', held: async () => (await indexedDB.databases?.() ?? []).map(({ name }) => name) },
  { name: 'caches', what: 'caches', held: async () => globalThis.caches ? caches.keys() : [] },
  { name: 'window', what: 'added variables', held: () => Object.keys(window).filter((name) => !globalsAtStart.has(name)) },
  { name: 'location', what: 'token parameters', held: () => parameters().filter((name) => /token|code|state/i.test(name)) },
];

const nameOf = (cookie) => cookie.split('=', 1)[0];

const parameters = () => [...new URLSearchParams(`${location.search.slice(1)}&${location.hash.slice(1)}`).keys()];

/** Searches all places again and shows what it found. */
export async function showHoldings() {
  const found = await Promise.all(places.map(async (place) => ({ ...place, names: await search(place.held) })));
  const rows = found.map(({ name, what, names }) => row(name, names.length,
    names.length === 0 ? `no ${what}` : names.join(', '), names.length === 0));
  rows.push(row('answers', traffic.withToken,
    `${traffic.answers} read, ${traffic.withToken === 0 ? 'none' : traffic.withToken} with a token`, traffic.withToken === 0));
  byId('holdings').replaceChildren(...rows);

  const things = found.reduce((sum, { names }) => sum + names.length, traffic.withToken);
  byId('figure-tokens').textContent = String(things);
  byId('figure-tokens').dataset.clean = String(things === 0);
  byId('figure-held').textContent = `Held here: ${brief(found[0], 'no cookie')} · ${brief(found[1], 'nothing in localStorage')} · ` +
    `${traffic.withToken === 0 ? 'no token' : 'a token'}`;
  const verdict = byId('holdings-verdict');
  verdict.textContent = things === 0 ? 'No token' : `${things} found`;
  verdict.dataset.clean = String(things === 0);
}

const brief = ({ name, names }, nothing) => names.length === 0 ? nothing : `${names.length} in ${name}`;

// search treats a place that the browser has closed (storage that is turned off) as an empty one.
async function search(held) {
  try {
    return await held();
  } catch {
    return [];
  }
}

function row(name, count, text, clean) {
  return element('li', { 'data-holding': name, 'data-count': count, 'data-clean': String(clean) },
    element('code', {}, name), element('span', {}, text));
}
