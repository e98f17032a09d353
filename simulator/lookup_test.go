package simulator_test

import (
	"strings"
	"testing"
)

func TestLookups(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	var track struct {
		Name, Href string
		Album      struct{ Href, Name string }
		Artists    []struct{ Href, Name string }
	}
	s.api(token, "GET", "/tracks/"+firstTrack(s, token), "").json(t, &track)
	by := track.Artists[0]
	named := map[string]string{track.Href: track.Name, track.Album.Href: track.Album.Name, by.Href: by.Name}
	if len(named) != 3 {
		t.Fatalf("the track is %+v", track)
	}
	for href, name := range named {
		path := strings.TrimPrefix(href, s.url+"/v1")
		if got := s.api(token, "GET", path, "").fields(t); got["name"] != name || got["href"] != href {
			t.Errorf("%s is %v, want the name %s", href, got, name)
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if a := s.api(token, "GET", "/"+kind+"/0000000000000000000000", ""); a.StatusCode != 404 {
			t.Errorf("no such %s: %d", kind, a.StatusCode)
		}
		if a := s.api(token, "GET", "/"+kind+"/short", ""); a.StatusCode != 400 {
			t.Errorf("a bad id of %s: %d", kind, a.StatusCode)
		}
	}
	album := strings.TrimPrefix(track.Album.Href, s.url+"/v1")
	var first struct{ Items []struct{ Name string } }
	s.api(token, "GET", album+"/tracks?limit=3", "").json(t, &first)
	if len(first.Items) != 3 {
		t.Errorf("the album's tracks are %+v", first)
	}
	if a := s.api(token, "GET", "/me/albums?limit=2", ""); strings.Count(a.body, `"added_at"`) != 2 {
		t.Errorf("the saved albums are %d %s", a.StatusCode, a.body)
	}
	if a := s.api(token, "GET", "/me/player/currently-playing", ""); a.fields(t)["is_playing"] != true {
		t.Errorf("currently playing: %s", a.body)
	}
	playlist := "/playlists/" + playlistOf(s, token)
	if a := s.api(token, "PUT", playlist, `{"name":"Renamed","description":"anew"}`); a.StatusCode != 200 {
		t.Errorf("renaming: %d %s", a.StatusCode, a.body)
	}
	if got := s.api(token, "GET", playlist, "").fields(t); got["name"] != "Renamed" || got["description"] != "anew" {
		t.Errorf("renamed: %v", got["name"])
	}
	external := s.api(token, "GET", album, "").fields(t)["external_urls"].(map[string]any)["spotify"].(string)
	if a := s.do(s.request("GET", strings.TrimPrefix(external, s.url), "")); !strings.Contains(a.body, "would open in Spotify") {
		t.Errorf("%s: %d", external, a.StatusCode)
	}
}
