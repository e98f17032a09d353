'use client';
// React on Stagedoor's client: who is logged in, Spotify's answers with their pages, and the player as it plays. For React 18
// and 19, in StrictMode and on a server; nothing here touches the page before it is mounted. The types and the meaning of
// everything are in react.d.ts beside this file.

import {
  createContext, createElement, useCallback, useContext, useEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore,
} from 'react';
import { createClient } from './client.js';

const Context = createContext({});
const unknown = { status: 'loading', session: null, error: null };
const nothing = { data: undefined, items: [], next: null, error: null, isLoading: true };
const stores = new WeakMap(); // a client's store
let shared; // the page's client, for components without a provider

// onServer is the client while a server renders: it can be passed on, and not be used.
const onServer = new Proxy({}, {
  get: (_, name) => () => { throw new TypeError(`${String(name)} was called while a server renders. Call it in an effect or when something happens.`); },
});

/** Gives the components below a client, and what a server already knows of the session. */
export function StagedoorProvider({ client, session, children }) {
  const value = useMemo(() => ({ client, first: session ? known(session) : unknown }), [client, session]);
  return createElement(Context.Provider, { value }, children);
}

export function useStagedoor() {
  const { client } = useContext(Context);
  return client ?? (globalThis.document ? (shared ??= createClient()) : onServer);
}

function known(session) {
  return { status: session.authenticated ? 'signed-in' : 'signed-out', session, error: null };
}

// storeOf is who is logged in, for all components of a client. It asks when the first of them is mounted.
function storeOf(client) {
  if (!stores.has(client)) stores.set(client, makeStore(client));
  return stores.get(client);
}

function makeStore(client) {
  const listeners = new Set();
  let now = unknown;
  let leave; // ends what onChange began; undefined when no component listens
  let due = true; // it has to be asked: never yet, in vain, or not since somebody listened
  let timer; // of the next question, or of the end

  function set(next) {
    now = next;
    for (const listener of listeners) listener();
  }

  function take(session) { set(known(session)); }

  function stop() {
    leave();
    leave = undefined;
    due = true;
  }

  // ask goes on until it knows, because a gateway that is down comes back.
  async function ask(wait = 1000) {
    clearTimeout(timer);
    due = false;
    try {
      take(await client.session());
    } catch (error) {
      due = true;
      set({ ...now, status: now.session ? now.status : 'error', error });
      if (leave) timer = setTimeout(ask, wait, Math.min(2 * wait, 30_000));
    }
  }

  return {
    ask,
    fail: (error) => set({ ...now, error }),
    get: () => now,
    subscribe(listener) {
      listeners.add(listener);
      clearTimeout(timer);
      leave ??= client.onChange(take);
      if (due) timer = setTimeout(ask);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearTimeout(timer);
        timer = setTimeout(stop); // StrictMode, or another page of the app, listens again at once
      };
    },
  };
}

export function useSession() {
  const client = useStagedoor();
  const { first = unknown } = useContext(Context);
  const store = storeOf(client);
  const get = () => (store.get() === unknown ? first : store.get());
  const now = useSyncExternalStore(store.subscribe, get, () => first);
  return useMemo(() => ({
    ...now,
    user: now.session?.user ?? null,
    scopes: now.session?.scopes ?? [],
    login: (options) => client.login(options),
    logout: (options) => attempt(client.logout(options), store.fail),
    reload: () => store.ask(),
  }), [client, store, now]);
}

export function SignedIn({ children, fallback = null }) {
  return shown('signed-in', children, fallback, useSession());
}

export function SignedOut({ children, fallback = null }) {
  return shown('signed-out', children, fallback, useSession());
}

function shown(status, children, fallback, session) {
  if (session.status !== status) return fallback;
  return typeof children === 'function' ? children(session) : children;
}

// useChanges counts the changes of the session: what one user saw must not be shown to the next.
function useChanges(client) {
  const [count, add] = useReducer((n) => n + 1, 0);
  useEffect(() => {
    const leaveStore = storeOf(client).subscribe(() => {}); // it asks who it is, without which there is no change
    const leave = client.onChange(add);
    return () => { leave(); leaveStore(); };
  }, [client]);
  return count;
}

export function useSpotify(path) {
  const client = useStagedoor();
  const changes = useChanges(client);
  const of = `${changes} ${path}`; // what the state is of
  const [state, setState] = useState(nothing);
  const flight = useRef(null); // the AbortController of the call that is under way
  const now = state.of === of ? state : nothing;

  const load = useCallback(async (from, before) => {
    flight.current?.abort();
    const { signal } = flight.current = new AbortController();
    await null; // StrictMode mounts twice, and only what stays asks
    if (signal.aborted) return;
    setState({ ...before, of, isLoading: true });
    try {
      const data = await client.get(from, { signal });
      const page = pageOf(data);
      const items = page ? [...(from === path ? [] : before.items), ...page.items.filter((item) => item !== null)] : [];
      if (!signal.aborted) setState({ of, data, items, next: page?.next ?? null, error: null, isLoading: false });
    } catch (error) {
      if (!signal.aborted) setState({ ...before, of, error, isLoading: false });
    }
  }, [client, path, of]);

  useEffect(() => {
    if (path) load(path, nothing);
    return () => flight.current?.abort();
  }, [load, path]);

  return {
    data: now.data, items: now.items, error: now.error, isLoading: Boolean(path) && now.isLoading, hasMore: now.next !== null,
    loadMore: () => { if (now.next && !now.isLoading) load(now.next, now); },
    reload: () => { if (path) load(path, now); },
  };
}

// pageOf finds a list. A search, and the artists one follows, wrap theirs: {"artists": {"items": …}}.
function pageOf(data) {
  return Array.isArray(data?.items) ? data : Object.values(data ?? {}).find((part) => Array.isArray(part?.items));
}

export function usePlayer(path = '/live/me/player', { api = '/api/me/player' } = {}) {
  const client = useStagedoor();
  const changes = useChanges(client);
  const of = `${changes} ${path}`;
  const [state, setState] = useState({});
  const [error, setError] = useState(null); // of the last command
  const now = state.of === of ? state : { status: 'connecting', player: null };

  useEffect(() => {
    let stream;
    let gone = !path;
    Promise.resolve().then(() => {
      if (gone) return;
      stream = client.live(path, {
        onState: (player) => setState({ of, status: 'live', player, at: Date.now() }),
        onDelayed: (delay) => setState((last) => ({ player: null, ...(last.of === of && last), of, status: 'delayed', delay })),
        onEnded: (ended) => setState({ of, status: 'ended', player: null, ended }),
      });
    });
    return () => {
      gone = true;
      stream?.close();
    };
  }, [client, path, of]);

  const commands = useMemo(() => {
    const send = (method, command, body) => attempt(client[method](`${api}${command}`, body).then(() => setError(null)), setError);
    return {
      play: (what) => send('put', '/play', what?.nativeEvent ? undefined : what), // onClick={player.play} gives an event
      pause: () => send('put', '/pause'),
      next: () => send('post', '/next'),
      previous: () => send('post', '/previous'),
      seek: (position) => send('put', `/seek?position_ms=${Math.round(position)}`),
    };
  }, [client, api]);

  const { player } = now;
  const isPlaying = player?.is_playing ?? false;
  return {
    ...commands,
    status: now.status, player, item: player?.item ?? null, isPlaying, delay: now.delay ?? null, error: now.ended ?? error,
    toggle: () => (isPlaying ? commands.pause() : commands.play()),
    position: () => Math.min(player?.item?.duration_ms ?? Infinity, (player?.progress_ms ?? 0) + (isPlaying ? Date.now() - now.at : 0)),
  };
}

// attempt tells whether it went well, and whom it concerns why not, so that a click leaves no unhandled rejection.
function attempt(promise, fail) {
  return promise.then(() => true, (error) => { fail(error); return false; });
}
