// A page with every part of stagedoor/react, in StrictMode, for a browser. e2e/frontend bundles it with each version of React,
// and opens it.

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { SignedIn, SignedOut, usePlayer, useSession, useSpotify, useStagedoor } from 'stagedoor/react';

const send = globalThis.fetch;
globalThis.asked = {}; // path to how often
globalThis.fetch = (url, init) => {
  const { pathname } = new URL(url, location.href);
  globalThis.asked[pathname] = (globalThis.asked[pathname] ?? 0) + 1;
  return send(url, init);
};

function Library() {
  const me = useSpotify('/api/me');
  const { items, hasMore, loadMore, isLoading, error } = useSpotify('/api/me/playlists?limit=10');
  const nothing = useSpotify(null);
  const wrong = useSpotify('/api/tracks/0000000000000000000000');
  const player = usePlayer();
  return (
    <>
      <p id="me">{me.data?.id} {String(nothing.isLoading)}</p>
      <p id="wrong">{wrong.error?.status}</p>
      <ul id="items">{items.map((item) => <li key={item.id}>{item.name}</li>)}</ul>
      {hasMore && <button id="more" onClick={loadMore}>{isLoading ? '…' : 'More'}</button>}
      <p id="error">{error?.reason}</p>
      <p id="track">{player.item?.id}</p>
      <button id="toggle" onClick={player.toggle}>{player.isPlaying ? 'Pause' : 'Play'}</button>
      <button id="next" onClick={player.next}>Next</button>
    </>
  );
}

function App() {
  const { status, login, logout } = useSession();
  const stagedoor = useStagedoor();
  return (
    <>
      <p id="status">{status}</p>
      <SignedOut><button id="login" onClick={login}>Log in</button><a href={stagedoor.loginUrl({ returnTo: '/' })}>or so</a></SignedOut>
      <SignedIn fallback={<p id="nobody" />}>
        {({ user }) => <><h1>{user.display_name}</h1><Library /><button id="logout" onClick={logout}>Log out</button></>}
      </SignedIn>
    </>
  );
}

createRoot(document.body.appendChild(document.createElement('main'))).render(<StrictMode><App /></StrictMode>);
