package links

import (
	"bytes"
	"encoding/json"
	"io"
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
	body := newBody(io.NopCloser(source), newRewriter(testFrom, testTo), false)
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
	links := newRewriter(testFrom, testTo)
	endless := `["a","` + testFrom + strings.Repeat("x", 1<<20)
	var got []byte
	for piece := range slices.Chunk([]byte(endless), 1000) {
		got = links.rewrite(got, piece)
		if len(links.pending) > maxPending {
			t.Fatalf("%d bytes are held back", len(links.pending))
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
		links := newRewriter(testFrom, testTo)
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
