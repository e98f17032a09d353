package fault

import (
	"net/http"
	"strings"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// webAPIRefuses has the Web API refuse tokens that look good, and lose answers. What it was sent is what counts.
func webAPIRefuses(r *trial) {
	w := stage.NewWorld(r, stage.Options{Users: 2, Spotify: "scopes: [user-read-private, user-read-playback-state, playlist-read-private, playlist-modify-private]"})
	w.Rotate()
	crowd := w.Crowd(2)
	r.loaded("one replica, single requests, each with its own fault at the Web API")
	h := stage.NewHistory()
	calls := func(f stage.Fan, method, path, body string, headers ...string) (kind string, seen []simulator.Seen, refreshed int) {
		w.Spotify.ForgetSeen()
		kind = h.Ask(f, method, path, body, headers...)
		seen = w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}})
		return kind, seen, len(w.Refreshes())
	}
	w.Preset("api-expired", func(f *simulator.Fault) { f.Times = 1 })
	kind, seen, refreshed := calls(crowd[0], http.MethodGet, "/api/me", "")
	r.expect("refused early: one refresh, one replay", kind == stage.OK && len(seen) == 2 && refreshed == 1,
		"%s after %d calls and %d refreshes", kind, len(seen), refreshed)

	w.Preset("api-spurious-401", func(f *simulator.Fault) { f.Match.Path, f.Times = "/v1/me", 1 })
	kind, seen, refreshed = calls(crowd[0], http.MethodGet, "/api/me", "")
	r.expect("a spurious 401: one replay with the same token", kind == stage.OK && len(seen) == 2 && refreshed == 0 && seen[0].Token == seen[1].Token,
		"%s after %d calls and %d refreshes", kind, len(seen), refreshed)

	expired := w.Preset("api-expired", func(*simulator.Fault) {})
	kind, seen, refreshed = calls(crowd[1], http.MethodGet, "/api/me", "")
	r.expect("a second 401 passes", kind == "401" && len(seen) == 2 && refreshed == 1,
		"%s after %d calls and %d refreshes", kind, len(seen), refreshed)
	kind, seen, refreshed = calls(crowd[1], http.MethodGet, "/api/me", "")
	r.expect("no second forced refresh within 30 s", kind == "401 REAUTHORIZATION_REQUIRED" && len(seen) == 1 && refreshed == 0,
		"%s after %d calls and %d refreshes", kind, len(seen), refreshed)
	large := `{"name":"` + strings.Repeat("x", 300<<10) + `"}`
	kind, seen, refreshed = calls(crowd[0], http.MethodPost, "/api/me/playlists", large, "Content-Type", "application/json")
	r.expect("a body over 256 KiB is not sent again", kind == "401" && len(seen) == 1 && refreshed == 0,
		"%s after %d calls and %d refreshes", kind, len(seen), refreshed)
	w.Spotify.ClearFault(expired)

	lostAnswers(w, r, crowd[0], h)
	lawful(h, r)
	r.measure("%v", h)
}

// lostAnswers cuts connections after a POST was carried out.
func lostAnswers(w *stage.World, r *trial, f stage.Fan, h *stage.History) {
	r.Helper()
	for name, headers := range map[string][]string{
		"plain": {"Content-Type", "application/json"},
		"key":   {"Content-Type", "application/json", "Idempotency-Key", "0a1b2c3d"},
	} {
		before := playlists(f)
		w.Preset("api-reset-after", func(fault *simulator.Fault) { fault.Match.Method, fault.Times = http.MethodPost, 1 })
		w.Spotify.ForgetSeen()
		kind := h.Ask(f, http.MethodPost, "/api/me/playlists", `{"name":"once","public":false}`, headers...)
		posts := w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodPost}})
		r.expect("a POST whose answer is lost is carried out once, also with Idempotency-Key",
			kind == "502 UPSTREAM_UNREACHABLE" && len(posts) == 1 && playlists(f) == before+1,
			"%s: %s after %d calls, %d playlists instead of %d", name, kind, len(posts), playlists(f), before+1)
	}
}

// playlists returns how many playlists the fan has.
func playlists(f stage.Fan) int {
	f.T.Helper()
	var page struct{ Total int }
	a := f.Get("/api/me/playlists")
	a.Decode(f.T, &page)
	return page.Total
}
