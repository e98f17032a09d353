// The one client of this page, and a record of everything that it was answered.

import { createClient } from '/auth/client.js';

// What a token would look like in an answer: a field's name, a header's value, or Spotify's own letters.
const tokens = /"(access|refresh)_token"|\bBearer [\w.-]{20}|\bB[QA][\w-]{80}/;

/** The answers so far, and how many of them held something that looks like a token, came from the cache or were shared. */
export const traffic = { answers: 0, withToken: 0, cached: 0, joined: 0 };

const observers = [];

/** Calls the observer with every request that has ended: {method, path, status, reason, cache, milliseconds}. */
export function observe(observer) {
  observers.push(observer);
}

export const stagedoor = createClient({ fetch: recorded });

async function recorded(url, init = {}) {
  const began = performance.now();
  const { pathname, search } = new URL(url);
  const entry = { method: init.method ?? 'GET', path: pathname + search, status: 0, reason: '', cache: '' };
  try {
    const response = await fetch(url, init);
    entry.milliseconds = performance.now() - began;
    entry.status = response.status;
    entry.reason = response.headers.get('Stagedoor-Reason') ?? '';
    entry.cache = response.headers.get('Cache-Status') ?? ''; // RFC 9211
    if (/; hit\b/.test(entry.cache)) traffic.cached++;
    if (/; collapsed\b/.test(entry.cache)) traffic.joined++;
    if (response.headers.get('Content-Type') === 'text/event-stream') return response; // it has no end to wait for
    await inspect(response.clone());
    return response;
  } catch (error) {
    entry.milliseconds ??= performance.now() - began;
    if (entry.status === 0) entry.reason = error.name === 'AbortError' ? 'CANCELLED' : 'NETWORK_ERROR';
    throw error;
  } finally {
    for (const observer of observers) observer(entry);
  }
}

async function inspect(response) {
  count([...response.headers].join('\n') + await response.text());
}

function count(text) {
  traffic.answers++;
  if (tokens.test(text)) traffic.withToken++;
}

/** Listens to a stream of the gateway, as the client's own live does, and records every event. */
export function listen(path, { onState, onDelayed, onEnded }) {
  const pushed = (status, reason, data) => {
    count(JSON.stringify(data));
    for (const observer of observers) observer({ method: 'PUSH', path, status, reason, cache: '' });
  };
  return stagedoor.live(path, {
    onState(state) { pushed(200, '', state); onState(state); },
    onDelayed(delay) { pushed(200, delay.reason, delay); onDelayed(delay); },
    onEnded(error) { pushed(error.status ?? 0, error.reason, error.message); onEnded(error); },
  });
}
