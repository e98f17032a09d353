package stage

import (
	"fmt"
	"path/filepath"
	"testing"
)

// Pages is a frontend of files: what is in them, by their names.
type Pages map[string]string

// Route puts the files into a folder and returns the route that serves them, behind others. There is always an index.html.
func (p Pages) Route(t testing.TB, others ...string) string {
	t.Helper()
	folder := t.TempDir()
	WriteFile(t, filepath.Join(folder, "index.html"), "<!doctype html><title>frontend</title>")
	for name, text := range p {
		WriteFile(t, filepath.Join(folder, name), text)
	}
	routes := ""
	for _, other := range others {
		routes += "\n  - " + other
	}
	return routes + fmt.Sprintf("\n  - {path: /, files: %q}\n", folder)
}

// The routes that tests put beside each other.
const (
	UserRoute      = "{path: /api/, upstream: spotify, credentials: user}"
	AppRoute       = "{path: /app/, upstream: spotify, credentials: app}"
	UserOrAppRoute = "{path: /any/, upstream: spotify, credentials: user_or_app}"
)

// Catalogue is a call that needs no user.
const Catalogue = "search?q=a&type=artist"
