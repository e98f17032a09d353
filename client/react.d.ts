// The types of stagedoor/react.

import type { ReactNode } from 'react';
import type { Client, LoginOptions, Reason, Session, StagedoorError, User, UserSession } from './client.js';

export interface StagedoorProviderProps {
  /** The client of all components below. Default: one for the page's own origin, made when it is first needed. */
  client?: Client;
  /** What `/auth/session` said on the server, so that the first picture is the right one. It is asked again in the page. */
  session?: Session | null;
  children?: ReactNode;
}

/** Gives the components below another client, or a session that a server has asked for. Neither needs it. */
export function StagedoorProvider(props: StagedoorProviderProps): ReactNode;

/** The client. While a server renders, any method of it throws: call it in an effect or when something happens. */
export function useStagedoor(): Client;

/** Who is logged in, and what they can do about it. */
export interface SessionState {
  /** `error`: the gateway cannot be asked, `error` says why, and it is asked again by and by. */
  status: 'loading' | 'signed-in' | 'signed-out' | 'error';
  session: Session | null;
  user: User | null;
  /** What Spotify granted; empty without a user. */
  scopes: readonly string[];
  /** Why the session is not known, or why the last logout failed. */
  error: StagedoorError | null;
  /** Leaves the page for Spotify and comes back to it. */
  login(options?: LoginOptions | StagedoorError | object): void;
  /** Ends the session. `false` says that it may still be alive; `error` says why. */
  logout(options?: { everywhere?: boolean } | object): Promise<boolean>;
  /** Asks again. */
  reload(): Promise<void>;
}

/** Who is logged in, in this tab and in others: one question for all components, and none while nothing changes. */
export function useSession(): SessionState;

export interface SignedInProps {
  /** What a user sees, or a function that makes it. */
  children?: ReactNode | ((session: SessionState & { session: UserSession; user: User }) => ReactNode);
  /** What everybody else sees, and everybody while it is not known. Default: nothing. */
  fallback?: ReactNode;
}

/** Shows what is inside to who is logged in. */
export function SignedIn(props: SignedInProps): ReactNode;

export interface SignedOutProps {
  /** What a visitor sees, or a function that makes it. */
  children?: ReactNode | ((session: SessionState) => ReactNode);
  /** What everybody else sees, and everybody while it is not known. Default: nothing. */
  fallback?: ReactNode;
}

/** Shows what is inside to who is not logged in. */
export function SignedOut(props: SignedOutProps): ReactNode;

/** An answer of Spotify's. `T` and `Item` are what you expect: nothing checks them. */
export interface SpotifyState<T, Item> {
  /** The last answer; `undefined` before the first, `null` for an empty one. */
  data: T | null | undefined;
  /** The items of all pages so far, when the answer is a list, also one that is wrapped as a search's; without `null`. */
  items: readonly Item[];
  /** Why the last call failed. `data` and `items` stay. `error.loginUrl` is where a login helps. */
  error: StagedoorError | null;
  isLoading: boolean;
  /** There is another page. */
  hasMore: boolean;
  /** Adds the next page to `items`. Nothing happens without one, or while a page is on its way. */
  loadMore(): void;
  /** Asks again from the beginning. `data` and `items` stay until there is an answer. */
  reload(): void;
}

/**
 * What the gateway answers to a GET, such as `/api/me/playlists?limit=20`. `null` asks nothing. It asks once, again when the
 * path changes, and again when somebody logs in or out: nobody sees what another user saw.
 */
export function useSpotify<T = any, Item = T extends { items: readonly (infer I)[] } ? NonNullable<I> : any>(
  path: string | null | undefined,
): SpotifyState<T, Item>;

/** What Spotify says of a player, in part. */
export interface Player {
  is_playing: boolean;
  progress_ms: number | null;
  item: PlayerItem | null;
  device?: { id: string | null; name: string; volume_percent: number | null; [key: string]: unknown };
  [key: string]: any;
}

/** A track or an episode, in part. */
export interface PlayerItem {
  id: string | null;
  name: string;
  uri: string;
  duration_ms: number;
  artists?: { name: string; [key: string]: unknown }[];
  album?: { name: string; images: { url: string; width: number | null; height: number | null }[]; [key: string]: unknown };
  [key: string]: any;
}

/** The player as it plays. A command tells whether it went well; `error` says why not. */
export interface PlayerState {
  /** `delayed`: there is no news for now, and `player` is what was last known. `ended`: there will be none; `error` says why. */
  status: 'connecting' | 'live' | 'delayed' | 'ended';
  /** `null` when nothing plays anywhere. */
  player: Player | null;
  item: PlayerItem | null;
  isPlaying: boolean;
  /** Why there is no news, and for how many seconds at least. */
  delay: { reason: Reason; retryAfter: number } | null;
  /** Why the last command failed, or why the stream has ended. */
  error: StagedoorError | null;
  /** Where it plays now, in milliseconds. It moves without a render: call it in an interval or an animation frame. */
  position(): number;
  play(what?: { uris?: string[]; context_uri?: string; offset?: object; position_ms?: number } | object): Promise<boolean>;
  pause(): Promise<boolean>;
  /** Plays, or pauses. */
  toggle(): Promise<boolean>;
  next(): Promise<boolean>;
  previous(): Promise<boolean>;
  /** Goes to a position in milliseconds. */
  seek(position: number): Promise<boolean>;
}

/**
 * The player of a route with `live`, default `/live/me/player`: all components and tabs share one connection, and the
 * gateway one poll. `null` listens to nothing. `api` is where the commands go, default `/api/me/player`.
 */
export function usePlayer(path?: string | null, options?: { api?: string }): PlayerState;
