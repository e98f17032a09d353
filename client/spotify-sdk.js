// Spotify's own SDK for the Web API on Stagedoor's client: its calls go to the gateway, with the session cookie and without a
// token. The types and the meaning of every option are in spotify-sdk.d.ts beside this file.

import { SpotifyApi } from '@spotify/web-api-ts-sdk';
import { createClient, StagedoorError } from './client.js';

const root = SpotifyApi.rootUrl;

export function createSpotifyApi(client = createClient(), options) {
  const { strategy, config } = sdkParts(client, options);
  const api = new SpotifyApi(strategy, config);
  api.authenticate = async () => {
    const accessToken = standIn();
    const { authenticated } = await client.session();
    if (!authenticated) client.login();
    return { authenticated, accessToken };
  };
  api.logOut = () => client.logout();
  return api;
}

export function sdkParts(client, { path = '/api/' } = {}) {
  const commands = new WeakSet(); // answers to what is no GET
  const base = path.endsWith('/') ? path : `${path}/`;

  return {
    // The strategy of a session: there is no token for the SDK, and it insists on one.
    strategy: {
      setConfiguration() {},
      getOrCreateAccessToken: async () => standIn(),
      getAccessToken: async () => ((await client.session()).authenticated ? standIn() : null),
      removeAccessToken: () => client.logout(),
    },
    config: {
      // It rejects with a StagedoorError from 400 on, so that there is nothing left to validate.
      async fetch(url, init = {}) {
        if (!String(url).startsWith(root)) throw new TypeError(`${url} is not at Spotify's Web API.`);
        const headers = new Headers(init.headers);
        headers.delete('Authorization');
        if (!init.body) headers.delete('Content-Type'); // a GET with one is asked about first, from another origin
        const response = await client.fetch(base + String(url).slice(root.length), { ...init, headers });
        if (init.method && !/^(GET|HEAD)$/i.test(init.method)) commands.add(response);
        return response;
      },
      responseValidator: { async validateResponse() {} },
      deserializer: {
        // Players answer a command with nothing, or with an opaque text that is called JSON.
        async deserialize(response) {
          const text = await response.text();
          if (text === '') return null;
          try {
            return JSON.parse(text);
          } catch (cause) {
            if (commands.has(response)) return null;
            throw new StagedoorError('The answer is not JSON.', { status: response.status, reason: 'NOT_JSON', cause });
          }
        },
      },
      // The SDK's own cache would keep what it takes for tokens in localStorage.
      cachingStrategy: { getOrCreate: (_, create) => create(), get: async () => null, setCacheItem() {}, remove() {} },
    },
  };
}

function standIn() {
  return { access_token: 'the-gateway-has-it', token_type: 'Bearer', expires_in: 3600, refresh_token: '', expires: Date.now() + 3_600_000 };
}
