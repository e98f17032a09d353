package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// TestPagesInTheAppsLook gives a running gateway's pages another look, and then hands its errors to the app.
func TestPagesInTheAppsLook(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Routes: "\n  - {path: /api/, upstream: spotify, credentials: user}\n  - {path: /, upstream: \"http://127.0.0.1:1\"}"})
	p, v := w.Replicas[0], w.Visitor()
	document := []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate"}
	v.Get("/app", document...).Expect(t, "before", http.StatusBadGateway, "UPSTREAM_UNREACHABLE", "<h1>The app cannot be reached right now</h1>")

	folder := filepath.Dir(p.Config)
	stage.WriteFile(t, filepath.Join(folder, "own.css"), "h1 { color: teal }")
	stage.WriteFile(t, filepath.Join(folder, "logo.svg"), `<svg xmlns="http://www.w3.org/2000/svg"/>`)
	edit(p, "\nroutes:", "\npages: {name: Radio Nord, logo_file: logo.svg, css_file: own.css, accent: \"#1db954\"}\nroutes:")
	expectSaid(t, "another look", reload(p), reloaded, `"pages.name"`)
	branded := v.Get("/app", document...)
	branded.Expect(t, "after", http.StatusBadGateway, "UPSTREAM_UNREACHABLE", "Radio Nord", "h1 { color: teal }", "data:image/svg+xml;base64,", "#1db954")
	v.Get("/auth/callback?state=x").Expect(t, "a callback", http.StatusBadRequest, "INVALID_REQUEST", "Back to Radio Nord")

	stage.WriteFile(t, filepath.Join(folder, "own.css"), "</style>")
	expectSaid(t, "a bad style sheet", reload(p), notReloaded, "pages.css_file: holds </style")
	v.Get("/app", document...).Expect(t, "afterwards", http.StatusBadGateway, "UPSTREAM_UNREACHABLE", "h1 { color: teal }")
	stage.WriteFile(t, filepath.Join(folder, "own.css"), "h1 {}")

	edit(p, "pages: {", "pages: {error_url: /oops, ")
	expectSaid(t, "the app's own page", reload(p), reloaded, `"pages.error_url"`)
	location, a := v.Step(w.Balancer.URL + "/auth/callback?state=x")
	if a.Status != http.StatusSeeOther || !strings.Contains(location, "/oops?reason=INVALID_REQUEST&request_id=") || strings.HasSuffix(location, "=") {
		t.Errorf("a callback is answered %d %s", a.Status, location)
	}
	v.Get("/oops?reason=INVALID_REQUEST&request_id=1", document...).Expect(t, "the app's page fails", http.StatusBadGateway, "UPSTREAM_UNREACHABLE", "<h1>")
	v.Get("/api/x").Expect(t, "a script", http.StatusUnauthorized, "LOGIN_REQUIRED")
}
