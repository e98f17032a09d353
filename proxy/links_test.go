package proxy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	testFrom = "https://api.example/v1/"
	testTo   = "https://app.example/api/"
)

var linkDocuments = []struct{ in, want string }{
	{`{"href":"https://api.example/v1/me"}`, `{"href":"https://app.example/api/me"}`},
	{`{"next" : "https:\/\/api.example\/v1\/me?a=1&b=\u0041" }`, `{"next" : "https:\/\/app.example\/api\/me?a=1&b=\u0041" }`},
	{`["https://api.example/v1/a","https://api.example/v1/b", 1, null]`, `["https://app.example/api/a","https://app.example/api/b", 1, null]`},
	{`"https://api.example/v1/"`, `"https://app.example/api/"`},
	{`{"https://api.example/v1/key":"x"}`, `{"https://api.example/v1/key":"x"}`},
	{`{"a":{"https://api.example/v1/k":["https://api.example/v1/v"]},"https://api.example/v1/k":1}`,
		`{"a":{"https://api.example/v1/k":["https://app.example/api/v"]},"https://api.example/v1/k":1}`},
	{`{"a":"see https://api.example/v1/me"}`, `{"a":"see https://api.example/v1/me"}`},
	{`{"a":"https://api.example/v1"}`, `{"a":"https://api.example/v1"}`},
	{`{"a":"https://api.example/v1x/"}`, `{"a":"https://api.example/v1x/"}`},
	{`{"a":"https:\"//api.example/v1/"}`, `{"a":"https:\"//api.example/v1/"}`},
	{`{"a":"https:\\//api.example/v1/","b":"https://api.example/v1/x"}`, `{"a":"https:\\//api.example/v1/","b":"https://app.example/api/x"}`},
	{`{"a":"\"https://api.example/v1/"}`, `{"a":"\"https://api.example/v1/"}`},
	{`{"a":"https:/\/api.example/v1/me"}`, `{"a":"https://app.example/api/me"}`},
	{`{"a":"https:\//api.example/v1/me"}`, `{"a":"https:\/\/app.example\/api\/me"}`},
	{"  {\n\t\"a\":\r\n[ ] , \"b\" : { } }  ", "  {\n\t\"a\":\r\n[ ] , \"b\" : { } }  "},
	{`{"a":"","b":"https://api.example/v1/x"}`, `{"a":"","b":"https://app.example/api/x"}`},
	// What is no JSON passes, cut off or not.
	{`["a" ,"https://api.example/v1/x"`, `["a" ,"https://api.example/v1/x"`},
	{`{"a":"https://api.exa`, `{"a":"https://api.exa`},
	{`{"a":"https:\`, `{"a":"https:\`},
	{`]]}},,::"https://api.example/v1/`, `]]}},,::"https://app.example/api/`},
	{"\x00\xff no json \\", "\x00\xff no json \\"},
	{"", ""},
}

func rewriteAll(t *testing.T, source io.Reader) string {
	t.Helper()
	body := newLinkBody(io.NopCloser(source), newLinkRewriter(testFrom, testTo), false)
	out, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestLinksAreRewrittenInAnyChunking(t *testing.T) {
	for _, c := range linkDocuments {
		for name, source := range map[string]io.Reader{
			"whole": strings.NewReader(c.in), "bytewise": iotest.OneByteReader(strings.NewReader(c.in)),
			"halves": iotest.HalfReader(strings.NewReader(c.in)), "with EOF": iotest.DataErrReader(strings.NewReader(c.in)),
		} {
			if got := rewriteAll(t, source); got != c.want {
				t.Errorf("%s, %s:\n got %s\nwant %s", c.in, name, got, c.want)
			}
		}
	}
}

func TestLinksAtAnyDepth(t *testing.T) {
	const depth = 100_000
	deep := strings.Repeat("[", depth) + `"https://api.example/v1/x"` + strings.Repeat("]", depth)
	if got, want := rewriteAll(t, strings.NewReader(deep)), strings.Replace(deep, testFrom, testTo, 1); got != want {
		t.Error("a link deep below was not rewritten")
	}
}

// Of a string that may be a name little is held back.
func TestLinksThatDoNotEnd(t *testing.T) {
	links := newLinkRewriter(testFrom, testTo)
	endless := `["a","` + testFrom + strings.Repeat("x", 1<<20)
	var got []byte
	for piece := range slices.Chunk([]byte(endless), 1000) {
		got = links.rewrite(got, piece)
		if len(links.held) > maxHeld {
			t.Fatalf("%d bytes are held back", len(links.held))
		}
	}
	if want := strings.Replace(endless, testFrom, testTo, 1); string(links.finish(got)) != want {
		t.Error("an endless element is not what it should be")
	}
}

// rewriteReference rewrites whole and valid documents with encoding/json as the judge of what is a value.
func rewriteReference(document []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(document))
	var out []byte
	var objects []bool
	wantKey, last := false, 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return append(out, document[last:]...)
		}
		end := int(decoder.InputOffset())
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				objects = append(objects, token == '{')
				wantKey = token == '{'
				continue
			}
			objects = objects[:len(objects)-1]
		case string:
			if wantKey {
				wantKey = false
				continue
			}
			start := last + bytes.IndexByte(document[last:end], '"')
			for !json.Valid(document[start:end]) { // a name or a comma may lie between
				start += 1 + bytes.IndexByte(document[start+1:end], '"')
			}
			out = append(out, document[last:start]...)
			out = append(out, replaceReference(string(document[start:end]))...)
			last = end
		}
		wantKey = len(objects) > 0 && objects[len(objects)-1]
	}
}

// replaceReference rewrites one string with its quotes.
func replaceReference(raw string) string {
	for cut := range len(raw) + 1 {
		head := raw[:cut]
		if strings.ReplaceAll(head, `\/`, "/") != `"`+testFrom || strings.HasSuffix(head, `\`) {
			continue
		}
		to := testTo
		if strings.HasPrefix(head, `"https:\/`) {
			to = strings.ReplaceAll(to, "/", `\/`)
		}
		return `"` + to + raw[cut:]
	}
	return raw
}

func FuzzLinks(f *testing.F) {
	for _, c := range linkDocuments {
		f.Add([]byte(c.in), 3)
	}
	f.Fuzz(func(t *testing.T, document []byte, size int) {
		links := newLinkRewriter(testFrom, testTo)
		var got []byte
		for rest := document; len(rest) > 0; {
			n := min(len(rest), max(size, 1))
			got = links.rewrite(got, rest[:n])
			rest = rest[n:]
		}
		got = links.finish(got)
		if !json.Valid(document) {
			return
		}
		if want := rewriteReference(document); !bytes.Equal(got, want) {
			t.Errorf("%s\n got %s\nwant %s", document, got, want)
		}
	})
}

// jsonAnswer answers with JSON that has a link, gzipped if the gateway asks for it.
func jsonAnswer(apiURL, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		body := strings.ReplaceAll(body, "API", apiURL)
		if r.Header.Get("Accept-Encoding") == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(gzipped(body))
			return
		}
		_, _ = io.WriteString(w, body)
	}
}

func gzipped(text string) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	_, _ = io.WriteString(zip, text)
	_ = zip.Close()
	return out.Bytes()
}

func gunzipped(t *testing.T, zipped string) string {
	t.Helper()
	unzip, err := gzip.NewReader(strings.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzip)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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
	if got := gunzipped(t, zipped.body); got != want || zipped.Header.Get("Content-Encoding") != "gzip" {
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
		"unasked gzip":      {"application/json", "gzip", 200, string(gzipped(link))},
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
	whole := gzipped(`{"a":"` + strings.Repeat("x", 100) + `"}`)
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
