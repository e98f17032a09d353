// The types of client.js, Stagedoor's client for web frontends. The npm package has them.
//
// A project without the package imports the module by its address at the gateway. It keeps a copy of this file, which the
// gateway serves at /auth/client.d.ts, and says where in tsconfig.json:
//
//   "paths": { "/auth/client.js": ["./types/client.d.ts"] }

/** How to reach the gateway. Every field has a default that suits a page which the gateway itself serves. */
export interface ClientOptions {
  /**
   * The gateway's origin, such as `https://gateway.example`; a path behind it is ignored. Default: the page's own
   * origin. A page on another origin must be listed in the gateway's `allowed_origins`. Required where there is no
   * `location`, as on a server.
   */
  base?: string | URL;
  /** Whether the session cookie goes along. Default `include`, which also works across origins. */
  credentials?: RequestCredentials;
  /**
   * How long a GET or HEAD that was answered RATE_LIMITED or QUOTA_EXCEEDED may wait, in milliseconds: it is sent again after
   * its Retry-After when that has run by then. Default 2000; 0 tries nothing again. Otherwise the error says in `retryAt`
   * when another try makes sense.
   */
  retryWithin?: number;
  /**
   * Sends the requests in place of the global `fetch`: to log, measure or test. Its first argument is always an
   * absolute URL at the gateway.
   */
  fetch?: (url: string, init?: RequestInit) => Promise<Response>;
}

/**
 * Makes a client. One for the whole page is enough: it listens for logins and logouts in other tabs until `close`.
 *
 * @throws {TypeError} when `base` is no absolute URL.
 */
export function createClient(options?: ClientOptions): Client;

/**
 * What talks to the gateway. Paths are the gateway's, such as `/api/me`; absolute links that it put into its answers
 * (`href`, `next`) work too, and any other host is refused with a TypeError.
 *
 * Every method that asks the gateway rejects with a {@link StagedoorError} for an answer of 400 or above and for a
 * gateway that cannot be reached, and with the usual `AbortError` when `init.signal` ends it.
 */
export interface Client {
  /** Asks who is logged in. An anonymous visitor is an answer too, not an error. Does not extend the session. */
  session(): Promise<Session>;

  /**
   * Leaves the page for Spotify's consent page and comes back to `returnTo`. It is a navigation, because the gateway
   * refuses to begin a login for `fetch()`. Give it a StagedoorError that has a `loginUrl` to log in again or to step
   * up just as the gateway asked: `catch (error) { if (error.loginUrl) stagedoor.login(error); }`.
   */
  login(options?: LoginOptions): void;

  /** The address that `login` goes to, for a link. */
  loginUrl(options?: LoginOptions): string;

  /**
   * Ends this session, or all of this user's with `everywhere`. Other tabs learn of it. Logging out twice is fine. When
   * it rejects, the session may still be alive: tell the user, and try again.
   */
  logout(options?: { everywhere?: boolean }): Promise<void>;

  /**
   * An access token, for the Web Playback SDK, which cannot do without. It needs `session.browser_tokens: true` at the
   * gateway and the scope `streaming`. Nothing keeps the token: ask whenever the SDK asks, and it is good for at least five
   * minutes; several who ask at the same moment share one call.
   *
   * ```js
   * getOAuthToken: (give) => stagedoor.token().then(give, (error) => error.loginUrl && stagedoor.login(error))
   * ```
   *
   * It rejects with LOGIN_REQUIRED or REAUTHORIZATION_REQUIRED without a session, with INSUFFICIENT_SCOPE without
   * `streaming` (`loginUrl` asks for it), and with PATH_REFUSED where `browser_tokens` is off.
   */
  token(): Promise<string>;

  /**
   * Calls the listener whenever someone logs in, logs out, steps up or times out, in this tab or in another. It looks
   * again when the page becomes visible or gets the focus, and after an answer that says LOGIN_REQUIRED or
   * REAUTHORIZATION_REQUIRED. The first `session()` is the starting point and calls nobody.
   *
   * @returns a function that ends the calls.
   */
  onChange(listener: (session: Session) => void): () => void;

  /** The global `fetch`, with the cookie, for the gateway's paths; resolves only for answers below 400. */
  fetch(path: string | URL, init?: RequestInit): Promise<Response>;

  /**
   * GET, read as JSON; `null` when the answer has no body, as the player's when nothing plays. `T` is what you expect:
   * nothing checks it.
   */
  get<T = unknown>(path: string | URL, init?: RequestInit): Promise<T>;

  /**
   * The items of a list, page after page: it follows `next` until there is none, and asks for a page only when the loop
   * gets there. Knows lists that are wrapped once, as a search's are. Spotify may put `null` among the items.
   */
  pages<T = unknown>(path: string | URL, init?: RequestInit): AsyncGenerator<T, void, undefined>;

  /** POST. A plain object or an array is sent as JSON. An answer that is not JSON reads as `null`. */
  post<T = unknown>(path: string | URL, body?: CommandBody, init?: RequestInit): Promise<T | null>;

  /** PUT. A plain object or an array is sent as JSON. An answer that is not JSON reads as `null`. */
  put<T = unknown>(path: string | URL, body?: CommandBody, init?: RequestInit): Promise<T | null>;

  /** DELETE. A plain object or an array is sent as JSON. An answer that is not JSON reads as `null`. */
  delete<T = unknown>(path: string | URL, body?: CommandBody, init?: RequestInit): Promise<T | null>;

  /**
   * Listens to a stream of a route with `live`, such as `/live/me/player`. One tab has the connection and tells the others,
   * where the browser has Web Locks and BroadcastChannel. It reconnects by itself until `onEnded`. A page
   * that is frozen or in the back-forward cache gets nothing, and the newest state when it comes back.
   */
  live<T = unknown>(path: string | URL, listeners: LiveListeners<T>): LiveStream;

  /** Stops listening for other tabs, for a client that is no longer needed. Requests still work. */
  close(): void;
}

/** What a stream tells. */
export interface LiveListeners<T = unknown> {
  /** Spotify's answer, at once and whenever it changed; `null` when there is nothing. Another tab may cause a repetition. */
  onState?: (state: T | null) => void;
  /** There is no answer for now. The next `onState` says that it is over. */
  onDelayed?: (delay: { reason: Reason; retryAfter: number }) => void;
  /** The stream is over for good: the session has ended, or Spotify has said no. Nothing is called after it. */
  onEnded?: (error: StagedoorError) => void;
}

/** An open stream. */
export interface LiveStream {
  /** Ends it. */
  close(): void;
}

/** Where a login starts and ends. */
export interface LoginOptions {
  /** Where the login begins, as in a StagedoorError. Default `/auth/login`. */
  loginUrl?: string | null;
  /** Scopes to ask for besides the configured and the granted ones. An unknown one is refused. */
  scope?: string | readonly string[];
  /**
   * Where to come back to: a path on the gateway's origin, or an absolute URL of one of `server.allowed_origins`; anything
   * else, and what is longer than 1024 bytes, becomes `/`. Default: this page, with its query and its `#`.
   */
  returnTo?: string;
  /** Shows the consent page even to a user who has agreed before. */
  showDialog?: boolean;
}

/** What a request may carry: JSON as a plain object or an array, anything else as `fetch` takes it. */
export type CommandBody = BodyInit | null | { readonly [key: string]: unknown } | readonly unknown[];

/** Who is logged in; `authenticated` tells the two apart. */
export type Session = UserSession | AnonymousSession;

/** Somebody is logged in. Times are RFC 3339 in UTC. */
export interface UserSession {
  authenticated: true;
  user: User;
  /** The scopes that Spotify granted, which may be fewer than were asked for. */
  scopes: string[];
  /** When the session ends at the latest. */
  session_expires_at: string;
  /** When Spotify ends the authorization, six months after it was given; only a new login helps then. */
  reauthorize_by: string;
  login_url: string;
  logout_url: string;
}

/** Nobody is logged in. */
export interface AnonymousSession {
  authenticated: false;
  login_url: string;
  /** Why, when the gateway knows more than that there is no session. */
  reason?: Reason;
}

/** The user as Spotify names them. */
export interface User {
  id: string;
  account_id?: string;
  display_name?: string | null;
  /** The address of a picture at Spotify. */
  image?: string | null;
}

/** Why the gateway itself said no. A later gateway may know more reasons. */
export type Reason =
  | 'LOGIN_REQUIRED'
  | 'REAUTHORIZATION_REQUIRED'
  | 'INSUFFICIENT_SCOPE'
  | 'USER_NOT_REGISTERED'
  | 'CROSS_ORIGIN_REFUSED'
  | 'PATH_REFUSED'
  | 'METHOD_REFUSED'
  | 'BODY_TOO_LARGE'
  | 'RATE_LIMITED'
  | 'QUOTA_EXCEEDED'
  | 'NOT_CACHED'
  | 'OVERLOADED'
  | 'MAINTENANCE'
  | 'CLIENT_RATE'
  | 'STORE_UNAVAILABLE'
  | 'TOKEN_ENDPOINT_UNAVAILABLE'
  | 'CLIENT_MISCONFIGURED'
  | 'UPSTREAM_UNREACHABLE'
  | 'UPSTREAM_TIMEOUT'
  | 'INVALID_REQUEST'
  | 'ACCESS_DENIED'
  | 'INTERNAL_ERROR'
  | (string & {});

/** An answer that is not the one asked for: made by the gateway, by Spotify, or by a network that is down. */
export class StagedoorError extends Error {
  constructor(message: string, fields?: Partial<StagedoorErrorFields> & { cause?: unknown });
  /** A sentence for the user, from the gateway or from Spotify. */
  readonly message: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /**
   * What a program may branch on: the gateway's reason, else Spotify's (`NO_ACTIVE_DEVICE`), else `NETWORK_ERROR`
   * without an answer, `NOT_JSON` for a body that `get` cannot read, or the empty string.
   */
  readonly reason: Reason | 'NETWORK_ERROR' | 'NOT_JSON' | '';
  /** Where a login or a step-up helps, as an absolute URL for `login` or a link; otherwise `null`. */
  readonly loginUrl: string | null;
  /** Seconds to wait before another try; `null` when the answer names no time. */
  readonly retryAfter: number | null;
  /** The same as a moment by this machine's clock, to show it or to wait for it; `null` when the answer names no time. */
  readonly retryAt: Date | null;
  /** The scopes that the call lacked, when the gateway knows them. */
  readonly missingScopes: readonly string[];
}

/** The fields of a StagedoorError besides its message. */
export type StagedoorErrorFields = Pick<
  StagedoorError,
  'status' | 'reason' | 'loginUrl' | 'retryAfter' | 'missingScopes'
>;
