package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
)

// pages is a frontend of files: what is in them, by their names.
type pages map[string]string

// route puts the files into a folder and returns the route that serves them, behind others. There is always an index.html.
func (p pages) route(t testing.TB, others ...string) string {
	t.Helper()
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "index.html"), "<!doctype html><title>frontend</title>")
	for name, text := range p {
		writeFile(t, filepath.Join(folder, name), text)
	}
	routes := ""
	for _, other := range others {
		routes += "\n  - " + other
	}
	return routes + fmt.Sprintf("\n  - {path: /, files: %q}\n", folder)
}

// The routes that tests put beside each other.
const (
	userRoute      = "{path: /api/, upstream: spotify, credentials: user}"
	appRoute       = "{path: /app/, upstream: spotify, credentials: app}"
	userOrAppRoute = "{path: /any/, upstream: spotify, credentials: user_or_app}"
)
