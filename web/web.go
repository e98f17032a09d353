// Package web holds the demo frontend: plain files without a build step, which are embedded, so that the binary needs no
// folder.
package web

import (
	"embed"
	"io/fs"
)

//go:embed demo
var demo embed.FS

// Demo returns the demo frontend, with index.html at its root. Its pages ask for /auth/client.js and call /api/, so
// they work on the origin of a gateway and nowhere else. The files never change; it is safe for concurrent use.
func Demo() fs.FS {
	root, err := fs.Sub(demo, "demo")
	if err != nil { // the folder is embedded above
		panic(err)
	}
	return root
}
