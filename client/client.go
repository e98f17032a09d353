// Package client holds the client for web frontends: an npm package, whose main module the gateway serves as
// /auth/client.js as well. The files are plain and need no build step.
package client

import (
	"embed"
	"io/fs"
)

//go:embed client.js client.d.ts
var files embed.FS

// Files returns client.js, an ES module without dependencies, and client.d.ts, its types. The files never change; it is
// safe for concurrent use.
func Files() fs.FS { return files }
