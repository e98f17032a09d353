package simulator_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stagedoor/simulator"
)

func TestBearer(t *testing.T) {
	s := newStage(t, nil)
	good := "Bearer " + s.grant("ada").AccessToken
	dora := "Bearer " + s.grant("dora").AccessToken
	for name, c := range map[string]struct {
		path          string
		authorization []string
		status        int
		message       string
	}{
		"good":            {"/v1/me", []string{good}, 200, "ada"},
		"lower case":      {"/v1/me", []string{"bearer" + good[6:]}, 200, "ada"},
		"none":            {"/v1/me", nil, 401, "No token provided"},
		"unknown":         {"/v1/me", []string{"Bearer x"}, 401, "Invalid access token"},
		"basic":           {"/v1/me", []string{basic("gateway", "s3cret")}, 400, "Only valid bearer"},
		"two blanks":      {"/v1/me", []string{"Bearer  " + good[7:]}, 401, "Invalid access token"},
		"two headers":     {"/v1/me", []string{good, good}, 400, "more than one"},
		"in the query":    {"/v1/me?access_token=x", []string{good}, 400, "query"},
		"encoded":         {"/v1/me?%61ccess_token=x", []string{good}, 400, "query"},
		"not registered":  {"/v1/me", []string{dora}, 403, "User not registered in the Developer Dashboard"},
		"unknown path":    {"/v1/nowhere", []string{good}, 404, "Service not found"},
		"no path":         {"/v1", []string{good}, 404, "Service not found"},
		"slash at end":    {"/v1/me/", []string{good}, 200, "ada"},
		"slash and query": {"/v1/search/?q=a&type=track", []string{good}, 200, "/v1/search?"},
		"two slashes":     {"/v1/me//", []string{good}, 404, "Service not found"},
		"slash alone":     {"/v1/", []string{good}, 404, "Service not found"},
		"empty segment":   {"/v1//me", []string{good}, 404, "Service not found"},
		"encoded letters": {"/v1/%6de", []string{good}, 404, "Service not found"},
		"encoded slash":   {"/v1/users/a%2Fb", []string{good}, 404, "Service not found"},
		"dots":            {"/v1/users/..", []string{good}, 404, "Service not found"},
		"encoded dots":    {"/v1/users/%2e%2e", []string{good}, 404, "Service not found"},
		"bad id":          {"/v1/tracks/short", []string{good}, 400, "Invalid base62 id"},
		"no such id":      {"/v1/tracks/0000000000000000000000", []string{good}, 404, "Resource not found"},
		"unreadable":      {"/v1/me?x=%zz", []string{good}, 400, "cannot be read"},
		"doubled":         {"/v1/me?x=1&x=2", []string{good}, 400, "more than one"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request("GET", c.path, "")
			r.Header["Authorization"] = c.authorization
			a := s.do(r)
			if a.StatusCode != c.status || !strings.Contains(a.body, c.message) {
				t.Errorf("%d %s, want %d %s", a.StatusCode, a.body, c.status, c.message)
			}
			if challenged := a.Header.Get("WWW-Authenticate") != ""; challenged != (c.status == 401) {
				t.Errorf("WWW-Authenticate is %q", a.Header.Get("WWW-Authenticate"))
			}
			if isText := strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain"); isText != (c.status == 403) {
				t.Errorf("the content type is %q", a.Header.Get("Content-Type"))
			}
		})
	}
}

func TestErrorsHaveSpotifysShape(t *testing.T) {
	s := newStage(t, nil)
	a := s.api(s.grant("ada").AccessToken, "GET", "/nowhere", "")
	if a.body != `{"error":{"message":"Service not found","status":404}}` {
		t.Errorf("the body is %s", a.body)
	}
	if a := s.api(s.grant("ada").AccessToken, "DELETE", "/me", ""); a.StatusCode != 405 || !strings.Contains(a.body, "GET") {
		t.Errorf("DELETE /me: %d %s", a.StatusCode, a.body)
	}
}

func TestScopesAreNeeded(t *testing.T) {
	s := newStage(t, nil)
	bare, err := s.Authorize("gateway", "ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{
		"GET /me/playlists", "POST /me/playlists", "GET /me/tracks", "PUT /me/tracks?ids=x", "GET /me/top/artists",
		"GET /me/player", "GET /me/player/currently-playing", "GET /me/player/queue", "GET /me/player/recently-played",
		"PUT /me/player/pause",
		"GET /me/following?type=artist", "GET /me/albums",
	} {
		method, path, _ := strings.Cut(c, " ")
		body := ""
		if method == "POST" {
			body = `{"name":"x"}`
		}
		a := s.api(bare.AccessToken, method, path, body)
		if a.StatusCode != 403 || !strings.Contains(a.body, "Insufficient client scope") {
			t.Errorf("%s: %d %s", c, a.StatusCode, a.body)
		}
	}
	me := s.api(bare.AccessToken, "GET", "/me", "").fields(t)
	if me["id"] != "ada" || me["account_id"] == nil || me["email"] != nil || me["country"] != nil || me["product"] != nil {
		t.Errorf("/me without scopes is %v", me)
	}
	me = s.api(s.grant("ada").AccessToken, "GET", "/me", "").fields(t)
	if me["email"] != "ada@example.com" || me["country"] != "GB" || me["product"] != "premium" {
		t.Errorf("/me with scopes is %v", me)
	}
	if _, err := s.Authorize("gateway", "ada", "user-read-everything"); err == nil {
		t.Error("an unknown scope was granted")
	}
}

// TestLengthRequired writes the requests by hand, because net/http would add what is missing.
func TestLengthRequired(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	for name, c := range map[string]struct {
		line, headers, body string
		status              int
	}{
		"PUT without":     {"PUT /v1/me/player/pause", "", "", 411},
		"POST without":    {"POST /v1/me/player/next", "", "", 411},
		"PUT with zero":   {"PUT /v1/me/player/pause", "Content-Length: 0\r\n", "", 200},
		"POST chunked":    {"POST /v1/me/player/next", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", 411},
		"DELETE without":  {"DELETE /v1/me/tracks?ids=" + firstTrack(s, token), "", "", 200},
		"GET without":     {"GET /v1/me", "", "", 200},
		"DELETE chunked":  {"DELETE /v1/me/tracks", "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n", 411},
		"GET with a body": {"GET /v1/me", "Content-Length: 2\r\n", "{}", 400},
		"image, any length": {
			"PUT /v1/playlists/x/images", "Transfer-Encoding: chunked\r\nContent-Type: image/jpeg\r\n", "1\r\nx\r\n0\r\n\r\n", 400,
		},
	} {
		t.Run(name, func(t *testing.T) {
			address := strings.TrimPrefix(s.url, "http://")
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n%s\r\n%s",
				c.line, address, token, c.headers, c.body)
			a, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(a.Body)
			if a.StatusCode != c.status {
				t.Errorf("%d %s, want %d", a.StatusCode, body, c.status)
			}
			if a.StatusCode == 411 && !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				t.Errorf("411 is %q", a.Header.Get("Content-Type"))
			}
		})
	}
}

func TestHeadersOfRecordedTraffic(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	for path, want := range map[string]string{
		"/me": "private, max-age=0", "/search?q=the&type=track": "public, max-age=7200", "/me/playlists": "private, max-age=0",
	} {
		a := s.api(token, "GET", path, "")
		if got := a.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control is %q", path, got)
		}
		for _, name := range []string{
			"Access-Control-Allow-Credentials", "Strict-Transport-Security", "Alt-Svc", "Via", "Server", "Set-Cookie",
		} {
			if a.Header.Get(name) == "" {
				t.Errorf("%s: no %s", path, name)
			}
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Vary") != "" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
}

func TestETag(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	a := s.api(token, "GET", "/me/playlists", "")
	tag := a.Header.Get("ETag")
	if tag == "" {
		t.Fatal("there is no ETag")
	}
	again := s.api(token, "GET", "/me/playlists", "", "If-None-Match", `"other", `+tag)
	if again.StatusCode != 304 || again.body != "" || again.Header.Get("ETag") != tag {
		t.Errorf("%d %q", again.StatusCode, again.body)
	}
	s.api(token, "POST", "/me/playlists", `{"name":"New"}`)
	if a := s.api(token, "GET", "/me/playlists", "", "If-None-Match", tag); a.StatusCode != 200 {
		t.Errorf("after a change: %d", a.StatusCode)
	}
}

func TestGzipWhenAskedFor(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	plain := s.api(token, "GET", "/me", "")
	if plain.Header.Get("Content-Encoding") != "" {
		t.Error("it was compressed for a client that did not ask")
	}
	if a := s.api(token, "GET", "/me", "", "Accept-Encoding", "br, gzip;q=0"); a.body != plain.body {
		t.Error("it was compressed for a client that refused")
	}
	packed := s.api(token, "GET", "/me", "", "Accept-Encoding", "br, gzip;q=0.5")
	decoder, err := gzip.NewReader(strings.NewReader(packed.body))
	if err != nil || packed.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v %v", err, packed.Header)
	}
	if text, err := io.ReadAll(decoder); err != nil || string(text) != plain.body {
		t.Errorf("%v %s", err, text)
	}
}

func TestPagesAreChained(t *testing.T) {
	for name, base := range map[string]string{"derived": "", "told": "https://api.spotify.com/v1"} {
		s := newStage(t, func(o *simulator.Options) { o.APIBase = base })
		if base == "" {
			base = s.url + "/v1"
		}
		token := s.grant("ada").AccessToken
		next, ids, pages := base+"/me/playlists", map[string]bool{}, 0
		for next != "" {
			path, ok := strings.CutPrefix(next, base)
			if !ok {
				t.Fatalf("%s: the link %s is outside %s", name, next, base)
			}
			var page struct {
				Href, Next, Previous string
				Total, Limit         int
				Items                []struct{ ID, Href string }
			}
			s.api(token, "GET", path, "").json(t, &page)
			for _, item := range page.Items {
				ids[item.ID] = true
				if item.Href != base+"/playlists/"+item.ID {
					t.Fatalf("%s: href is %s", name, item.Href)
				}
			}
			if page.Total != 55 || page.Limit != 20 || (page.Previous == "") != (pages == 0) {
				t.Errorf("%s: page %d is %+v", name, pages, page)
			}
			next = page.Next
			pages++
		}
		if pages != 3 || len(ids) != 55 {
			t.Errorf("%s: %d pages with %d playlists", name, pages, len(ids))
		}
	}
	s := newStage(t, nil)
	for _, query := range []string{"limit=0", "limit=51", "limit=x", "offset=-1", "limit="} {
		if a := s.api(s.grant("ada").AccessToken, "GET", "/me/playlists?"+query, ""); a.StatusCode != 400 {
			t.Errorf("%s: %d", query, a.StatusCode)
		}
	}
}

func TestSearch(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	q := url.Values{"q": {"paper lions"}, "type": {"artist,track,album,show"}}
	var found map[string]struct {
		Items []struct{ Name string }
		Total int
		Limit int
		Next  string
	}
	s.api(token, "GET", "/search?"+q.Encode(), "").json(t, &found)
	if found["artists"].Items[0].Name != "Otto & the Paper Lions" || found["shows"].Total != 0 || found["tracks"].Limit != 5 {
		t.Errorf("found %+v", found)
	}
	if next := found["tracks"].Next; !strings.Contains(next, "type=track&") && !strings.HasSuffix(next, "type=track") {
		t.Errorf("next is %s", next)
	}
	for _, query := range []string{"", "q=x", "q=x&type=song", "type=track", "q=x&type=track&limit=11"} {
		if a := s.api(token, "GET", "/search?"+query, ""); a.StatusCode != 400 {
			t.Errorf("%s: %d", query, a.StatusCode)
		}
	}
}

func TestPicturesAreServed(t *testing.T) {
	s := newStage(t, nil)
	var me struct{ Images []struct{ URL string } }
	s.api(s.grant("ada").AccessToken, "GET", "/me", "").json(t, &me)
	path, ok := strings.CutPrefix(me.Images[0].URL, s.url)
	if !ok {
		t.Fatalf("the picture is at %s", me.Images[0].URL)
	}
	a := s.do(s.request("GET", path, ""))
	if a.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(a.body, ">A</text>") {
		t.Errorf("%v %s", a.Header, a.body)
	}
	if a := s.do(s.request("GET", "/_simulator/images/cover/none.jpg", "")); a.StatusCode != 404 {
		t.Errorf("no such cover: %d", a.StatusCode)
	}
}
