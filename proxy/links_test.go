package proxy

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"stagedoor/proxy/proxytest"
)

func jsonAnswer(apiURL, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		body := strings.ReplaceAll(body, "API", apiURL)
		if r.Header.Get("Accept-Encoding") == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(proxytest.Gzip(body))
			return
		}
		_, _ = io.WriteString(w, body)
	}
}

func TestJSONLinksLeadToTheGateway(t *testing.T) {
	s := newStage(t)
	s.api.answer(jsonAnswer(s.api.URL+"/v1", `{"next":"API/me/tracks?offset=20","n":1.0}`))
	want := `{"next":"` + s.public + `/api/me/tracks?offset=20","n":1.0}`

	plain := s.get("/api/me/tracks", loggedIn("Accept-Encoding: br, gzip;q=0"))
	plain.ok(t, 200)
	if plain.body != want || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("plain: %s", plain.body)
	}
	if got := s.api.one(t).Header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("Spotify was asked for %q", got)
	}
	zipped := s.get("/api/me/tracks", loggedIn("Accept-Encoding: gzip, br"))
	if got := proxytest.Gunzip(zipped.body); got != want || zipped.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("zipped: %s", got)
	}
	if zipped.Header.Get("Content-Length") != "" && zipped.ContentLength != int64(len(zipped.body)) {
		t.Error("the length is that of another body")
	}
	head := s.do("HEAD", "/api/me/tracks", loggedIn(), nil)
	head.ok(t, 200)
	if head.Header.Get("Content-Length") != "" {
		t.Error("HEAD promises the length of a body that GET does not have")
	}
}

func TestWhatIsNotRewritten(t *testing.T) {
	s := newStage(t)
	link := `"` + s.api.URL + `/v1/me"`
	for name, c := range map[string]struct {
		kind, encoding string
		status         int
		body           string
	}{
		"text":              {"text/plain", "", 200, link},
		"html":              {"text/html", "", 500, link},
		"a part":            {"application/json", "", 206, link},
		"unknown encoding":  {"application/json", "br", 200, link},
		"unasked gzip":      {"application/json", "gzip", 200, string(proxytest.Gzip(link))},
		"no type parameter": {"application/json; =", "", 200, link},
	} {
		s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			if c.encoding != "" {
				w.Header().Set("Content-Encoding", c.encoding)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		answer := s.get("/api/me", loggedIn())
		answer.ok(t, c.status)
		if answer.body != c.body || answer.ContentLength != int64(len(c.body)) {
			t.Errorf("%s: %q of length %d", name, answer.body, answer.ContentLength)
		}
	}
}

func TestGzipThatIsNone(t *testing.T) {
	s := newStage(t)
	for _, body := range []string{"", "x", `{"a":1}`} {
		s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			_ = http.NewResponseController(w).Flush() // no length
			_, _ = io.WriteString(w, body)
		})
		if got := s.get("/api/me", loggedIn("Accept-Encoding: gzip")); got.body != body || got.StatusCode != 200 {
			t.Errorf("%q came as %q", body, got.body)
		}
	}
}

func TestGzipThatEndsEarlyIsNotMadeWhole(t *testing.T) {
	s := newStage(t)
	whole := proxytest.Gzip(`{"a":"` + strings.Repeat("x", 100) + `"}`)
	for name, body := range map[string][]byte{"cut off": whole[:len(whole)-9], "no header": []byte("\x1f\x8b\x00nonsense")} {
		s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(body)
		})
		r, _ := http.NewRequest("GET", "http://"+s.addr+"/api/me", nil)
		r.Header = loggedIn("Accept-Encoding: gzip")
		if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
			if _, err := io.ReadAll(res.Body); err == nil && res.StatusCode != http.StatusBadGateway {
				t.Errorf("%s: it looks whole", name)
			}
			_ = res.Body.Close()
		}
	}
}

// TestJSONStreams wants the first part of an answer before the second is written.
func TestJSONStreams(t *testing.T) {
	s := newStage(t)
	more := make(chan struct{})
	s.api.answer(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		_, _ = io.WriteString(zip, `["`+s.api.URL+`/v1/a",`)
		_ = zip.Flush()
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(zip, `"b"]`)
		_ = zip.Close()
	})
	r, _ := http.NewRequest("GET", "http://"+s.addr+"/api/me", nil)
	r.Header = loggedIn("Accept-Encoding: gzip")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	unzip, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := `["` + s.public + `/api/a",`
	first := make([]byte, len(want))
	if _, err := io.ReadFull(unzip, first); err != nil || string(first) != want {
		t.Fatalf("first part %q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(unzip); err != nil || string(rest) != `"b"]` {
		t.Errorf("rest %q, %v", rest, err)
	}
}
