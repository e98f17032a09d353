/// <reference path="../auth-client.d.ts" />

// What an app writes, for the compiler alone: `npx tsc -p .` in the folder above. Lines below @ts-expect-error must not compile.

import type { Page, SimplifiedPlaylist, UserProfile } from '@spotify/web-api-ts-sdk';
import { SpotifyApi } from '@spotify/web-api-ts-sdk';
import { createClient, StagedoorError, type Session } from 'stagedoor';
import { SignedIn, SignedOut, StagedoorProvider, usePlayer, useSession, useSpotify, useStagedoor } from 'stagedoor/react';
import { createSpotifyApi, sdkParts } from 'stagedoor/spotify-sdk';
import stagedoor from 'stagedoor/vite';
import { defineConfig } from 'vite';
import { createClient as byAddress } from '/auth/client.js';

export default defineConfig({ plugins: [stagedoor({ gateway: 'http://127.0.0.1:8080', paths: ['/auth'], overlay: false })] });

const client = createClient({ base: 'https://gateway.example' });
const same: typeof client = byAddress();
const token: string = await client.token();
// @ts-expect-error a token is no number
const wrong: number = await same.token();

const api: SpotifyApi = createSpotifyApi(client, { path: '/api/' });
const profile: UserProfile = await api.currentUser.profile();
const { strategy, config } = sdkParts(client);
new SpotifyApi(strategy, { ...config, beforeRequest: () => {} });
try {
  await client.get('/api/me');
} catch (error) {
  if (error instanceof StagedoorError && error.loginUrl) client.login(error);
}

export function App({ session }: { session?: Session }) {
  return (
    <StagedoorProvider client={client} session={session}>
      <SignedOut fallback={<p>…</p>}>{({ login, error }) => <button onClick={login}>{error?.reason ?? 'Log in'}</button>}</SignedOut>
      <SignedIn>{({ user }) => <h1>{user.display_name}</h1>}</SignedIn>
      <SignedIn><Library /></SignedIn>
    </StagedoorProvider>
  );
}

function Library() {
  const { status, user, login, logout } = useSession();
  const { items, error, hasMore, loadMore } = useSpotify<Page<SimplifiedPlaylist>>(user && '/api/me/playlists');
  const me = useSpotify<UserProfile>('/api/me');
  const player = usePlayer();
  const stage = useStagedoor();
  // @ts-expect-error a name is no number
  const bad: number | undefined = items[0]?.name;
  return (
    <>
      <p>{status} {me.data?.display_name} {player.item?.name} {player.position()} {stage.loginUrl()}</p>
      <ul>{items.map((playlist) => <li key={playlist.id}>{playlist.name}</li>)}</ul>
      {error && <button onClick={() => login(error)}>{error.message}</button>}
      {hasMore && <button onClick={loadMore}>More</button>}
      <button onClick={player.toggle}>{player.isPlaying ? 'Pause' : 'Play'}</button>
      <button onClick={player.play}>Play</button>
      <button onClick={logout}>Log out</button>
    </>
  );
}

export const unused = [token, wrong, profile, Library];
