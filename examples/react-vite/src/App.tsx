import type { Page, SimplifiedPlaylist } from '@spotify/web-api-ts-sdk';
import { useEffect, useState } from 'react';
import { SignedIn, SignedOut, usePlayer, useSession, useSpotify } from 'stagedoor/react';
import { createSpotifyApi } from 'stagedoor/spotify-sdk';

export function App() {
  const { error } = useSession();
  return (
    <>
      {error && <p role="alert">{error.message}</p>}
      <SignedOut>
        {({ login }) => <button onClick={login}>Log in with Spotify</button>}
      </SignedOut>
      <SignedIn>
        {({ user, logout }) => (
          <>
            <header>
              <h1>{user.display_name}</h1>
              <button onClick={logout}>Log out</button>
            </header>
            <Player />
            <Playlists />
            <TopArtist />
          </>
        )}
      </SignedIn>
    </>
  );
}

/** What plays, as it plays: pushed by the gateway, and the same in every tab. */
function Player() {
  const { item, isPlaying, toggle, next, error } = usePlayer();
  return (
    <section aria-label="Player">
      <p id="track">{item ? `${item.name} by ${item.artists?.map(({ name }) => name).join(', ')}` : 'Silence.'}</p>
      <button onClick={toggle}>{isPlaying ? 'Pause' : 'Play'}</button>
      <button onClick={next}>Next</button>
      {error && <p role="alert">{error.message}</p>}
    </section>
  );
}

/** A list, page after page. */
function Playlists() {
  const { items, isLoading, error, hasMore, loadMore } = useSpotify<Page<SimplifiedPlaylist>>('/api/me/playlists?limit=10');
  return (
    <section aria-label="Playlists">
      <ul>{items.map((playlist) => <li key={playlist.id}>{playlist.name}</li>)}</ul>
      {error && <p role="alert">{error.message}</p>}
      {hasMore && <button onClick={loadMore} disabled={isLoading}>More</button>}
    </section>
  );
}

const spotify = createSpotifyApi();

/** The same gateway, by way of Spotify's own SDK. */
function TopArtist() {
  const [name, setName] = useState('…');
  useEffect(() => {
    spotify.currentUser.topItems('artists', 'medium_term', 1).then(
      ({ items }) => setName(items[0]?.name ?? 'nobody yet'),
      (error) => setName(error.message),
    );
  }, []);
  return <p id="artist">Your artist of the year: {name}</p>;
}
