// The one client of this page, and a record of everything that it was answered.

import { createClient } from '/auth/client.js';

// What a token would look like in an answer: a field's name, a header's value, or Spotify's own letters.
const tokens = /"(access|refresh)_token"|\bBearer [\w.-]{20}|\bB[QA][\w-]{80}/;

/** The answers so far, and how many of them held something that looks like a token. */
export const traffic = { answers: 0, withToken: 0 };

const observers = [];

/** Calls the observer with every request that has ended: {method, path, status, reason, milliseconds}. */
export function observe(observer) {
  observers.push(observer);
}

export const stagedoor = createClient({ fetch: recorded });

async function recorded(url, init = {}) {
  const began = performance.now();
  const { pathname, search } = new URL(url);
  const entry = { method: init.method ?? 'GET', path: pathname + search, status: 0, reason: '' };
  try {
    const response = await fetch(url, init);
    entry.milliseconds = performance.now() - began;
    entry.status = response.status;
    entry.reason = response.headers.get('Stagedoor-Reason') ?? '';
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
  const text = [...response.headers].join('\n') + await response.text();
  traffic.answers++;
  if (tokens.test(text)) traffic.withToken++;
}
