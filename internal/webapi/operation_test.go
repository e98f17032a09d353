package webapi

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFind(t *testing.T) {
	for _, test := range []struct {
		method, path string
		want         string // the template; empty when nothing is found
		scopes       []string
	}{
		{"GET", "/me", "/me", []string{"user-read-private", "user-read-email"}},
		{"HEAD", "/me/tracks", "/me/tracks", []string{"user-library-read"}},
		{"PUT", "/me/tracks", "/me/tracks", []string{"user-library-modify"}},
		{"GET", "/me/tracks/contains", "/me/tracks/contains", []string{"user-library-read"}},
		{"POST", "/playlists/37i9/items", "/playlists/{playlist_id}/items", []string{"playlist-modify-public", "playlist-modify-private"}},
		{"GET", "/tracks/ÄÖ 🎵", "/tracks/{id}", nil},
		{"GET", "/tracks/{id}", "/tracks/{id}", nil},
		{"GET", "/search", "/search", nil},

		{"POST", "/me", "", nil},
		{"get", "/me", "", nil},
		{"", "/me", "", nil},
		{"GET", "", "", nil},
		{"GET", "/", "", nil},
		{"GET", "me", "", nil},
		{"GET", "/ME", "", nil},
		{"GET", "//me", "", nil},
		{"GET", "/me/", "", nil},
		{"GET", "/me/tracks/", "", nil},
		{"GET", "/tracks/", "", nil},
		{"GET", "/tracks/a/b", "", nil},
		{"GET", "/albums//tracks", "", nil},
		{"GET", "/v1/me", "", nil},
		{"GET", "/me?market=DE", "", nil},
	} {
		o, found := Find(test.method, test.path)
		if found != (test.want != "") || o.Path != test.want || !slices.Equal(o.Scopes, test.scopes) {
			t.Errorf("Find(%q, %q) = %+v, %v, want %q with %q", test.method, test.path, o, found, test.want, test.scopes)
		}
	}
}

func TestLiteralBeatsTemplate(t *testing.T) {
	table := []Operation{
		{Method: "GET", Path: "/{a}/{b}/{c}"},
		{Method: "GET", Path: "/{a}/y/z"},
		{Method: "GET", Path: "/x/{b}/z"},
		{Method: "GET", Path: "/x/{b}/{c}"},
		{Method: "PUT", Path: "/x/y/z"},
	}
	for _, order := range [][]Operation{table, reversed(table)} {
		for path, want := range map[string]string{
			"/x/y/z": "/x/{b}/z",
			"/x/y/c": "/x/{b}/{c}",
			"/a/y/z": "/{a}/y/z",
			"/a/b/z": "/{a}/{b}/{c}",
		} {
			if o, _ := find(order, "GET", path); o.Path != want {
				t.Errorf("%s finds %q, want %q", path, o.Path, want)
			}
		}
		if o, _ := find(order, "PUT", "/x/y/z"); o.Path != "/x/y/z" {
			t.Errorf("PUT /x/y/z finds %q", o.Path)
		}
	}
}

func reversed(table []Operation) []Operation {
	table = slices.Clone(table)
	slices.Reverse(table)
	return table
}

var open = regexp.MustCompile(`\{[^}]*\}`)

// TestEveryOperationIsFound fills every template in and looks for it, as a path and as a pattern.
func TestEveryOperationIsFound(t *testing.T) {
	for _, want := range operations {
		path := open.ReplaceAllString(want.Path, "37i9")
		if got, found := Find(want.Method, path); !found || !reflect.DeepEqual(got, want) {
			t.Errorf("Find(%s, %s) = %+v, %v, want %+v", want.Method, path, got, found, want)
		}
		for _, pattern := range []string{path, path[1:], open.ReplaceAllString(want.Path, "*")} {
			got := Matching(pattern, []string{want.Method})
			if !slices.ContainsFunc(got, func(o Operation) bool { return reflect.DeepEqual(o, want) }) {
				t.Errorf("Matching(%s, %s) = %+v, want %+v among them", pattern, want.Method, got, want)
			}
		}
	}
}

func TestMatching(t *testing.T) {
	for _, test := range []struct{ pattern, methods, want string }{
		{"me", "GET", "GET /me"},
		{"/me", "HEAD", "GET /me"},
		{"me", "GET HEAD", "GET /me"},
		{"me", "POST", ""},
		{"", "GET", ""},
		{"/", "GET", ""},
		{"*", "GET", "GET /albums, GET /artists, GET /audio-features, GET /audiobooks, GET /chapters, GET /episodes, " +
			"GET /markets, GET /me, GET /recommendations, GET /search, GET /shows, GET /tracks"},
		{"me/tracks", "", "DELETE /me/tracks, GET /me/tracks, PUT /me/tracks"},
		{"me/tracks/**", "GET", "GET /me/tracks, GET /me/tracks/contains"},
		{"me/*/contains", "PUT GET", "GET /me/albums/contains, GET /me/audiobooks/contains, GET /me/episodes/contains, " +
			"GET /me/following/contains, GET /me/library/contains, GET /me/shows/contains, GET /me/tracks/contains"},
		{"me/player/queue/**", "GET POST", "GET /me/player/queue, POST /me/player/queue"},
		{"tracks/4cOd", "GET", "GET /tracks/{id}"},
		{"tracks/{id}", "GET", "GET /tracks/{id}"},
		{"tracks/", "GET", ""},
		{"*/*", "POST", "POST /me/playlists"},
		{"playlists/37i9/**", "DELETE", "DELETE /playlists/{playlist_id}/followers, " +
			"DELETE /playlists/{playlist_id}/items, DELETE /playlists/{playlist_id}/tracks"},
		{"playlist", "", ""},
		{"me/tracks/contains/more", "", ""},
	} {
		var got []string
		for _, o := range Matching(test.pattern, strings.Fields(test.methods)) {
			got = append(got, o.Method+" "+o.Path)
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("Matching(%q, %q)\ngot  %s\nwant %s", test.pattern, test.methods, text, test.want)
		}
	}
	if got := Matching("**", nil); !reflect.DeepEqual(got, operations) {
		t.Errorf("** matches %d operations, want all %d", len(got), len(operations))
	}
}

// FuzzFind feeds paths that clients choose: what is found must have the path's shape, and an allow pattern of the same
// text must let it through.
func FuzzFind(f *testing.F) {
	for _, path := range []string{"", "/", "me", "/me", "/me/", "//", "/tracks/{id}", "/playlists/*/items", "/**",
		"/me/player/queue", "/users/\x00/playlists", "/\xff", "/albums/{", "/me%2Ftracks", "/../me"} {
		f.Add("GET", path)
	}
	f.Add("HEAD", "/me")
	f.Fuzz(func(t *testing.T, method, path string) {
		o, found := Find(method, path)
		if !found {
			if !reflect.DeepEqual(o, Operation{}) {
				t.Fatalf("nothing is found, and yet it is %+v", o)
			}
			return
		}
		shape := regexp.MustCompile("^(?s:" + open.ReplaceAllString(o.Path, "[^/]+") + ")$")
		if o.Method != asListed(method) || utf8.ValidString(path) && !shape.MatchString(path) {
			t.Fatalf("%s %q finds %s %s", method, path, o.Method, o.Path)
		}
		if !slices.ContainsFunc(Matching(path, []string{method}), func(m Operation) bool { return m.Path == o.Path }) {
			t.Fatalf("%s %q finds %s, which the same pattern does not allow", method, path, o.Path)
		}
	})
}
