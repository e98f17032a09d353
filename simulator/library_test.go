package simulator_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"stagedoor/simulator"
)

// playlistOf is the first playlist in a user's library.
func playlistOf(s *stage, token string) string {
	s.t.Helper()
	var page struct{ Items []struct{ ID string } }
	s.api(token, "GET", "/me/playlists?limit=1", "").json(s.t, &page)
	return page.Items[0].ID
}

// uris lists a playlist's first tracks.
func uris(s *stage, token, playlist string) []string {
	s.t.Helper()
	var page struct {
		Items []struct{ Item, Track struct{ URI string } }
	}
	s.api(token, "GET", "/playlists/"+playlist+"/items?limit=50", "").json(s.t, &page)
	var list []string
	for _, item := range page.Items {
		if item.Item != item.Track {
			s.t.Errorf("item and track differ: %+v", item)
		}
		list = append(list, item.Item.URI)
	}
	return list
}

func TestPlaylistItemsChange(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	long := playlistOf(s, token)
	var whole struct {
		Items, Tracks struct {
			Total int
			Next  string
		}
	}
	s.api(token, "GET", "/playlists/"+long, "").json(t, &whole)
	if whole.Items.Total <= 100 || whole.Items != whole.Tracks || !strings.Contains(whole.Items.Next, "/items?") {
		t.Errorf("the long playlist is %+v", whole)
	}
	some := uris(s, token, long)[:3]

	created := s.api(token, "POST", "/me/playlists", `{"name":"Mine","description":"d","public":false}`)
	var made struct{ ID, Name string }
	created.json(t, &made)
	if created.StatusCode != 201 || made.Name != "Mine" {
		t.Fatalf("%d %s", created.StatusCode, created.body)
	}
	items := "/playlists/" + made.ID + "/items"
	body, _ := json.Marshal(map[string]any{"uris": some[:2]})
	first := s.api(token, "POST", items, string(body), "Content-Type", "application/json")
	if first.StatusCode != 201 || first.fields(t)["snapshot_id"] == "" {
		t.Fatalf("add: %d %s", first.StatusCode, first.body)
	}
	body, _ = json.Marshal(map[string]any{"uris": some[2:], "position": 0})
	s.api(token, "POST", items, string(body))
	expect := func(what string, want ...string) {
		t.Helper()
		if got := uris(s, token, made.ID); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	expect("after adding", some[2], some[0], some[1])
	s.api(token, "PUT", items, `{"range_start":0,"insert_before":3}`)
	expect("after moving", some[0], some[1], some[2])
	stale := `{"items":[{"uri":"` + some[0] + `"}],"snapshot_id":"stale"}`
	if a := s.api(token, "DELETE", items, stale); a.StatusCode != 400 {
		t.Errorf("a stale snapshot: %d", a.StatusCode)
	}
	s.api(token, "DELETE", items, `{"items":[{"uri":"`+some[0]+`"}]}`)
	expect("after removing", some[1], some[2])
	s.api(token, "DELETE", "/playlists/"+made.ID+"/tracks", `{"tracks":[{"uri":"`+some[1]+`"}]}`)
	expect("after removing by the old name", some[2])
	s.api(token, "PUT", items+"?uris="+some[0], "")
	expect("after replacing", some[0])
}

func TestPlaylistRefusals(t *testing.T) {
	s := newStage(t, nil)
	ada, ben := s.grant("ada").AccessToken, s.grant("ben").AccessToken
	own, foreign := playlistOf(s, ada), playlistOf(s, ben)
	public, err := s.Authorize("gateway", "ada", "playlist-modify-public", "playlist-read-private")
	if err != nil {
		t.Fatal(err)
	}
	tooMany := `{"uris":["` + strings.Repeat(uris(s, ada, own)[0]+`","`, 100) + uris(s, ada, own)[0] + `"]}`
	for name, c := range map[string]struct {
		token, method, path, body string
		status                    int
	}{
		"items of others": {ada, "GET", "/playlists/" + foreign + "/items", "", 403},
		"change others'":  {ada, "PUT", "/playlists/" + foreign, `{"name":"x"}`, 403},
		"see others'":     {ada, "GET", "/playlists/" + foreign, "", 200},
		"no such":         {ada, "GET", "/playlists/0000000000000000000000", "", 404},
		"no name":         {ada, "POST", "/me/playlists", `{}`, 400},
		"empty name":      {ada, "POST", "/me/playlists", `{"name":""}`, 400},
		"malformed":       {ada, "POST", "/me/playlists", `{"name":`, 400},
		"two objects":     {ada, "POST", "/me/playlists", `{"name":"a"}{}`, 400},
		"public and open": {ada, "POST", "/me/playlists", `{"name":"a","public":true,"collaborative":true}`, 400},
		"unknown track": {
			ada, "POST", "/playlists/" + own + "/items", `{"uris":["spotify:track:0000000000000000000000"]}`, 400,
		},
		"bad URI": {ada, "POST", "/playlists/" + own + "/items", `{"uris":["track:1"]}`, 400},
		"nothing": {ada, "POST", "/playlists/" + own + "/items", `{"uris":[]}`, 400},
		"far position": {
			ada, "POST", "/playlists/" + own + "/items?uris=" + uris(s, ada, own)[0], `{"position":999}`, 400,
		},
		"101 tracks":       {ada, "POST", "/playlists/" + own + "/items", tooMany, 400},
		"range outside":    {ada, "PUT", "/playlists/" + own + "/items", `{"range_start":200,"insert_before":0}`, 400},
		"old field name":   {ada, "DELETE", "/playlists/" + own + "/items", `{"tracks":[{"uri":"x"}]}`, 400},
		"private, public":  {public.AccessToken, "POST", "/me/playlists", `{"name":"x","public":false}`, 403},
		"becomes private":  {public.AccessToken, "PUT", "/playlists/" + own, `{"public":false}`, 403},
		"other media type": {ada, "POST", "/me/playlists", `{"name":"typed"}`, 415},
	} {
		headers := []string{}
		if c.status == 415 {
			headers = []string{"Content-Type", "text/plain"}
		}
		if a := s.api(c.token, c.method, c.path, c.body, headers...); a.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", name, a.StatusCode, a.body, c.status)
		}
	}
	if strings.Contains(s.api(ada, "GET", "/playlists/"+foreign, "").body, `"items"`) {
		t.Error("the items of another user's playlist are shown")
	}
}

func TestPlaylistPicture(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	path := "/playlists/" + playlistOf(s, token) + "/images"
	jpeg := "\xff\xd8\xff\xe0 not much of a picture"
	put := func(body, kind string) int {
		t.Helper()
		return s.api(token, "PUT", path, body, "Content-Type", kind).StatusCode
	}
	if got := put(base64.StdEncoding.EncodeToString([]byte(jpeg)), "image/jpeg"); got != 202 {
		t.Fatalf("upload: %d", got)
	}
	var images []struct{ URL string }
	s.api(token, "GET", path, "").json(t, &images)
	a := s.do(s.request("GET", strings.TrimPrefix(images[0].URL, s.url), ""))
	if a.body != jpeg || a.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%s is %q", images[0].URL, a.body)
	}
	large := base64.StdEncoding.EncodeToString([]byte(jpeg + strings.Repeat("x", 192<<10)))
	for name, c := range map[string]struct {
		body, kind string
		status     int
	}{
		"too large": {large, "image/jpeg", 413}, "far too large": {strings.Repeat("A", 2<<20), "image/jpeg", 413},
		"no picture": {"aGVsbG8=", "image/jpeg", 400}, "no base64": {jpeg, "image/jpeg", 400},
		"JSON": {"{}", "application/json", 415}, "no type": {"{}", "", 415},
	} {
		if got := put(c.body, c.kind); got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
	}
}

func TestLibrary(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("chloe").AccessToken
	track := firstTrack(s, token)
	contains := func(path string) string { return s.api(token, "GET", path, "").body }
	if got := contains("/me/tracks/contains?ids=" + track); got != "[true]" {
		t.Errorf("contains: %s", got)
	}
	if a := s.api(token, "DELETE", "/me/library?uris=spotify:track:"+track, ""); a.StatusCode != 200 {
		t.Errorf("DELETE: %d %s", a.StatusCode, a.body)
	}
	if got := contains("/me/library/contains?uris=spotify:track:" + track); got != "[false]" {
		t.Errorf("contains after DELETE: %s", got)
	}
	if a := s.api(token, "PUT", "/me/tracks", `{"ids":["`+track+`"]}`); a.StatusCode != 200 || firstTrack(s, token) != track {
		t.Errorf("PUT: %d %s", a.StatusCode, a.body)
	}
	foreign := playlistOf(s, s.grant("ben").AccessToken)
	a := s.api(token, "PUT", "/me/library?uris=spotify:playlist:"+foreign, "")
	if a.StatusCode != 200 || playlistOf(s, token) != foreign {
		t.Errorf("following a playlist: %d %s", a.StatusCode, a.body)
	}
	follower, err := s.Authorize("gateway", "chloe", "user-follow-modify")
	if err != nil {
		t.Fatal(err)
	}
	for uris, want := range map[string]int{
		"": 400, "spotify:show:" + track: 400, "spotify:track:x": 400, "track:" + track: 400, "spotify:track:" + track: 403,
		strings.Repeat("spotify:track:"+track+",", 40) + "spotify:track:" + track: 400,
	} {
		if a := s.api(follower.AccessToken, "PUT", "/me/library?uris="+uris, ""); a.StatusCode != want {
			t.Errorf("%.40s: %d %s, want %d", uris, a.StatusCode, a.body, want)
		}
	}
}

func TestCursorPages(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	for start, want := range map[string]int{"/me/following?type=artist&limit=4": 6, "/me/player/recently-played?limit=20": 50} {
		seen, next := map[string]bool{}, s.url+"/v1"+start
		for pages := 0; next != ""; pages++ {
			type page struct {
				Next  string
				Items []struct {
					ID       string
					PlayedAt string `json:"played_at"`
				}
			}
			var body struct {
				page
				Artists page
			}
			s.api(token, "GET", strings.TrimPrefix(next, s.url+"/v1"), "").json(t, &body)
			if strings.HasPrefix(start, "/me/following") {
				body.page = body.Artists
			}
			for _, item := range body.Items {
				seen[item.ID+item.PlayedAt] = true
			}
			if next = body.Next; pages > 10 {
				t.Fatalf("%s never ends", start)
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d different items, want %d", start, len(seen), want)
		}
	}
	if a := s.api(token, "GET", "/me/player/recently-played?after=1&before=2", ""); a.StatusCode != 400 {
		t.Errorf("both cursors: %d", a.StatusCode)
	}
}

func TestTop(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	bodies := map[string]bool{}
	for _, span := range []string{"short_term", "medium_term", "long_term"} {
		bodies[s.api(token, "GET", "/me/top/artists?time_range="+span, "").body] = true
		a := s.api(token, "GET", "/me/top/tracks?limit=50&time_range="+span, "")
		if a.StatusCode != 200 || !strings.Contains(a.body, `"total":60`) {
			t.Errorf("%s: %d", span, a.StatusCode)
		}
	}
	if len(bodies) != 3 {
		t.Errorf("three spans gave %d answers", len(bodies))
	}
	if a := s.api(token, "GET", "/me/top/artists?time_range=forever", ""); a.StatusCode != 400 {
		t.Errorf("forever: %d", a.StatusCode)
	}
}

func TestPublicURL(t *testing.T) {
	s := newStage(t, func(o *simulator.Options) { o.PublicURL = "http://127.0.0.1:9000/" })
	a := s.api(s.grant("ada").AccessToken, "GET", "/me", "")
	if !strings.Contains(a.body, `"http://127.0.0.1:9000/_simulator/images/user/ada.svg"`) {
		t.Errorf("/me is %s", a.body)
	}
}
