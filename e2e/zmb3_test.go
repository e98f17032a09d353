package e2e

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/zmb3/spotify/v2"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// script marks the requests of a client that is no browser, as the gateway asks of those that change something.
type script struct{ next http.RoundTripper }

func (s script) RoundTrip(r *http.Request) (*http.Response, error) {
	marked := r.Clone(r.Context())
	marked.Header.Set("Stagedoor-Request", "1")
	return s.next.RoundTrip(marked)
}

// TestZmb3 points a well-known Go client at the gateway: a session's cookie in its jar and nothing else.
func TestZmb3(t *testing.T) {
	w := stage.NewWorld(t, stage.Options{Spotify: "scopes: [user-read-private, playlist-read-private, playlist-modify-private, " +
		"playlist-modify-public, ugc-image-upload, user-read-playback-state, user-modify-playback-state]"})
	v := w.Visitor()
	v.Login("ada")
	w.Spotify.ForgetSeen()
	ctx := t.Context()
	client := spotify.New(&http.Client{Jar: v.Client.Jar, Transport: script{v.Client.Transport}},
		spotify.WithBaseURL(w.Balancer.URL+"/api/"))

	me, err := client.CurrentUser(ctx)
	if err != nil || me.ID != "ada" {
		t.Fatalf("CurrentUser: %v, %v", me, err)
	}
	playlist := allPlaylists(t, ctx, client)
	if err := client.SetPlaylistImage(ctx, playlist, bytes.NewReader(bytes.Repeat([]byte{0xff, 0xd8}, 40_000))); err != nil {
		t.Errorf("SetPlaylistImage: %v", err)
	}
	for i, command := range []func(context.Context) error{client.Pause, client.Play, client.Next} { // music is on
		if err := command(ctx); err != nil {
			t.Errorf("player command %d: %v", i, err)
		}
	}
	if state, err := client.PlayerState(ctx); err != nil || state.Item == nil {
		t.Errorf("PlayerState: %v, %v", state, err)
	}
	for _, seen := range w.Spotify.Seen(simulator.Filter{}) {
		if agent := seen.Header.Get("User-Agent"); !strings.HasPrefix(agent, "stagedoor/") {
			t.Errorf("%s %s came from %q past the gateway", seen.Method, seen.Target, agent)
		}
	}
	expectErrors(t, ctx, client, w)
}

// allPlaylists follows the pages to the end and returns the first playlist.
func allPlaylists(t *testing.T, ctx context.Context, client *spotify.Client) spotify.ID {
	t.Helper()
	page, err := client.CurrentUsersPlaylists(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first, count, pages := page.Playlists[0].ID, len(page.Playlists), 1
	for ; ; pages++ {
		err := client.NextPage(ctx, page)
		if errors.Is(err, spotify.ErrNoMorePages) {
			break
		}
		if err != nil {
			t.Fatalf("page %d: %v", pages+1, err)
		}
		count += len(page.Playlists)
	}
	if pages < 3 || count != int(page.Total) {
		t.Errorf("%d playlists on %d pages, want %d on at least 3", count, pages, page.Total)
	}
	return first
}

// expectErrors checks that the client understands the errors of both Spotify and the gateway.
func expectErrors(t *testing.T, ctx context.Context, client *spotify.Client, w *stage.World) {
	t.Helper()
	var apiError spotify.Error
	if _, err := client.GetTrack(ctx, "0000000000000000000000"); !errors.As(err, &apiError) || apiError.Status != http.StatusNotFound {
		t.Errorf("GetTrack of an unknown id: %v, want Spotify's 404", err)
	}
	if _, err := client.CurrentUsersTopTracks(ctx); !errors.As(err, &apiError) || apiError.Status != http.StatusForbidden {
		t.Errorf("CurrentUsersTopTracks without the scope: %v, want 403", err)
	}
	anonymous := spotify.New(&http.Client{Transport: script{http.DefaultTransport}}, spotify.WithBaseURL(w.Balancer.URL+"/api/"))
	if _, err := anonymous.CurrentUser(ctx); !errors.As(err, &apiError) || apiError.Status != http.StatusUnauthorized ||
		apiError.Message != "Log in to continue." {
		t.Errorf("CurrentUser without a session: %v, want the gateway's 401", err)
	}
}
