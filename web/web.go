// Package web holds what a browser gets from this repository: the demo frontend, and client.js with its types for other
// frontends. Both are plain files without a build step; they are embedded, so that the binary needs no folder.
package web

import (
	"embed"
	"io/fs"
)

//go:embed demo
var demo embed.FS

//go:embed client.js client.d.ts
var client embed.FS

// Demo returns the demo frontend, with index.html at its root. Its pages ask for /auth/client.js and call /api/, so
// they work on the origin of a gateway and nowhere else. The files never change; it is safe for concurrent use.
func Demo() fs.FS {
	root, err := fs.Sub(demo, "demo")
	if err != nil { // the folder is embedded above
		panic(err)
	}
	return root
}

// Client returns client.js, an ES module without dependencies, and client.d.ts, its types. The files never change; it
// is safe for concurrent use.
func Client() fs.FS { return client }
