import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createClient, StagedoorError, type Session } from 'stagedoor';

const stagedoor = createClient();

function App() {
  const [session, setSession] = useState<Session>();
  const [lines, setLines] = useState<string[]>([]);

  useEffect(() => {
    async function load() {
      const found = await stagedoor.session();
      setSession(found);
      if (!found.authenticated) return;
      const names: string[] = [];
      for await (const playlist of stagedoor.pages<{ name: string }>('/api/me/playlists')) names.push(playlist.name);
      // The module by its address at the gateway, for a page that has no npm package. Vite leaves alone what is no literal.
      const address = '/auth/client.js';
      const { createClient: byAddress }: typeof import('/auth/client.js') = await import(/* @vite-ignore */ address);
      const me = await byAddress().get<{ id: string }>('/api/me');
      setLines([`${me.id} has ${names.length} playlists`]);
    }
    load().catch((error: unknown) => setLines([error instanceof StagedoorError ? error.reason : String(error)]));
  }, []);

  if (!session) return <p>…</p>;
  if (!session.authenticated) return <button id="login" onClick={() => stagedoor.login({ returnTo: '/in?a=b' })}>Log in</button>;
  return <p id="who">{session.user.display_name}: {lines.join()}</p>;
}

createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>);
