// The types of stagedoor/spotify-sdk.

import type { IAuthStrategy, SdkOptions, SpotifyApi } from '@spotify/web-api-ts-sdk';
import type { Client } from './client.js';

export interface SdkAdapterOptions {
  /** The gateway's route to Spotify. Default `/api/`. */
  path?: string;
}

/**
 * Makes Spotify's `SpotifyApi`, whose calls go to the gateway: `await createSpotifyApi().currentUser.profile()`. A call that
 * fails rejects with a `StagedoorError`, which has a `reason` and where a login helps a `loginUrl`.
 *
 * `authenticate()` leaves the page for Spotify when nobody is logged in, `logOut()` ends the session, and `getAccessToken()`
 * is a stand-in for who is logged in and `null` for everybody else: no token ever reaches the page.
 *
 * @param client the client to use. Default: one for the page's own origin.
 */
export function createSpotifyApi(client?: Client, options?: SdkAdapterOptions): SpotifyApi;

/** The same in parts, for `new SpotifyApi(strategy, { ...config, ...yours })`. */
export function sdkParts(client: Client, options?: SdkAdapterOptions): { strategy: IAuthStrategy; config: SdkOptions };
