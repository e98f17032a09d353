// The types of stagedoor/vite.

import type { Plugin } from 'vite';

export interface StagedoorPluginOptions {
  /** Where the gateway listens. Default: the environment's STAGEDOOR_URL, else `http://127.0.0.1:8080`. */
  gateway?: string;
  /** The path prefixes that the gateway serves. Default `['/auth', '/api', '/live']`. */
  paths?: readonly string[];
  /** Shows in the page what the gateway rejects, and how to mend it; in development only. Default true. */
  overlay?: boolean;
}

/**
 * The plugin for Vite 5 and later: `plugins: [stagedoor()]`. The development server listens on 127.0.0.1 unless `server.host` says
 * otherwise, hands `paths` on to the gateway (and a preview does), and prints the address to open, or what to start. An import
 * of `/auth/client.js` finds this package.
 */
export default function stagedoor(options?: StagedoorPluginOptions): Plugin;
