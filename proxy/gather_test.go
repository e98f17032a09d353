package proxy

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/proxy/proxytest"
	"stagedoor/session/sessiontest"
)

// A short answer leaves with its length whether Spotify sent one or not; with and without a link.
func TestShortAnswersLeaveInOnePiece(t *testing.T) {
	s := newStage(t)
	for name, body := range map[string]string{
		"link":    `{"href":"` + s.api.URL + `/v1/me"}`,
		"no link": `{"a":"` + strings.Repeat("no link ", 100) + `"}`,
		"long":    `{"href":"` + s.api.URL + `/v1/me","a":"` + strings.Repeat("x", 40<<10) + `"}`,
	} {
		want := strings.ReplaceAll(body, s.api.URL+"/v1", s.public+"/api")
		for _, zipped := range []bool{false, true} {
			sent := []byte(body)
			if zipped {
				sent = proxytest.Gzip(body)
			}
			s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Digest", "sha-256=of-what-was-sent")
				if zipped {
					w.Header().Set("Content-Encoding", "gzip")
				}
				_, _ = w.Write(sent)
				_ = http.NewResponseController(w).Flush()
			})
			var answer answered
			sessiontest.Eventually(t, patience, "the rest comes at once, as a busy machine has it now and then only", func() bool {
				answer = s.get("/api/me", loggedIn("Accept-Encoding: gzip"))
				return answer.Header.Get("Content-Length") != ""
			})
			answer.ok(t, 200)
			got := answer.body
			if zipped {
				got = proxytest.Gunzip(got)
			}
			if got != want {
				t.Errorf("%s, zipped %t: it became %.200q", name, zipped, got)
			}
			if length := answer.Header.Get("Content-Length"); length != strconv.Itoa(len(answer.body)) {
				t.Errorf("%s, zipped %t: the length of %d bytes is announced as %q", name, zipped, len(answer.body), length)
			}
			untouched := answer.body == string(sent)
			if kept := answer.Header.Get("Digest") != ""; untouched != (name == "no link") || kept != untouched {
				t.Errorf("%s, zipped %t: untouched %t, with its digest %t", name, zipped, untouched, kept)
			}
		}
	}
}

// A zipped answer that is complete is waited for until its stream ends; any other answer streams when that takes long.
func TestPatienceForTheRest(t *testing.T) {
	zipped := proxytest.Gzip(`{"a":"` + rand.Text() + `"}`)
	var flushed bytes.Buffer
	zip := gzip.NewWriter(&flushed)
	_, _ = io.WriteString(zip, `{"a":`)
	_ = zip.Flush()
	for name, c := range map[string]struct {
		first []byte
		whole bool
	}{
		"zipped": {zipped, true}, "a part": {zipped[:len(zipped)-1], false}, "flushed": {flushed.Bytes(), false}, "plain": {[]byte(`{}`), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			body := &endsLater{Reader: bytes.NewReader(c.first)}
			res := &http.Response{Body: body, ContentLength: -1, Header: http.Header{}, Request: &http.Request{Method: http.MethodGet}}
			whole, err := gather(res)
			if (whole != nil) != c.whole || err != nil {
				t.Errorf("%s: %q, %v", name, whole, err)
			}
			if rest, err := io.ReadAll(res.Body); !bytes.Equal(rest, c.first) || err != nil {
				t.Errorf("%s: %q, %v", name, rest, err)
			}
			_ = res.Body.Close()
		})
	}
}

// endsLater is a body whose end comes long after its last piece.
type endsLater struct{ *bytes.Reader }

func (b *endsLater) Read(p []byte) (int, error) {
	if b.Len() == 0 {
		time.Sleep(time.Second)
	}
	return b.Reader.Read(p)
}

func (*endsLater) Close() error { return nil }

// What comes later than the first piece, in as many pieces as it likes, is neither lost nor waited for.
func TestAnswersInPieces(t *testing.T) {
	s := newStage(t)
	item := `{"href":"` + s.api.URL + `/v1/me"},`
	for _, zipped := range []bool{false, true} {
		next := make(chan struct{})
		s.api.answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Trailer", "X-Sum")
			var out io.Writer = w
			flush := func() error { return nil }
			if zipped {
				w.Header().Set("Content-Encoding", "gzip")
				zip := gzip.NewWriter(w)
				defer zip.Close()
				out, flush = zip, zip.Flush
			}
			for range 3 {
				_, _ = io.WriteString(out, item)
				_ = flush()
				_ = http.NewResponseController(w).Flush()
				select {
				case <-next:
				case <-r.Context().Done():
					return
				}
			}
			_, _ = io.WriteString(out, strings.Repeat(item, 5000))
			w.Header().Set("X-Sum", "whole")
		})
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.addr+"/api/me", nil)
		r.Header = loggedIn("Accept-Encoding: gzip")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = res.Body
		if zipped {
			if body, err = gzip.NewReader(res.Body); err != nil {
				t.Fatal(err)
			}
		}
		want := []byte(strings.ReplaceAll(item, s.api.URL+"/v1", s.public+"/api"))
		piece := make([]byte, len(want))
		for n := range 3 {
			if _, err := io.ReadFull(body, piece); err != nil || !bytes.Equal(piece, want) {
				t.Fatalf("zipped %t: piece %d is %q, %v", zipped, n, piece, err)
			}
			next <- struct{}{}
		}
		rest, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(rest, bytes.Repeat(want, 5000)) {
			t.Errorf("zipped %t: the rest has %d bytes, %v", zipped, len(rest), err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		if got := res.Trailer.Get("X-Sum"); got != "whole" {
			t.Errorf("zipped %t: the trailer is %q", zipped, got)
		}
		_ = res.Body.Close()
	}
}

// A short answer that keeps its trailers keeps its chunks.
func TestShortAnswerWithTrailers(t *testing.T) {
	s := newStage(t)
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, `{"href":"`+s.api.URL+`/v1/me"}`)
		w.Header().Set("X-Sum", "whole")
	})
	answer := s.get("/api/me", loggedIn())
	answer.ok(t, 200)
	if answer.body != `{"href":"`+s.public+`/api/me"}` || answer.Trailer.Get("X-Sum") != "whole" {
		t.Errorf("%q with the trailer %v", answer.body, answer.Trailer)
	}
}

// What unzips to far more than a short answer may streams.
func TestAnswersThatUnzipToMuch(t *testing.T) {
	s := newStage(t)
	body := `{"a":"` + strings.Repeat("x", 10<<20) + `","href":"` + s.api.URL + `/v1/me"}`
	sent := proxytest.Gzip(body)
	s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(sent)
	})
	answer := s.get("/api/me", loggedIn("Accept-Encoding: gzip"))
	if want := strings.Replace(body, s.api.URL+"/v1", s.public+"/api", 1); proxytest.Gunzip(answer.body) != want || answer.ContentLength >= 0 {
		t.Errorf("it came with a length of %d, or as another one", answer.ContentLength)
	}
}

// unannounced is a transport with answers of unknown length, which remembers what it has returned.
type unannounced struct{ answers chan *http.Response }

func (u unannounced) RoundTrip(r *http.Request) (*http.Response, error) {
	res := &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		ContentLength: -1, Body: io.NopCloser(strings.NewReader("{}\n")), Trailer: http.Header{"X-Sum": nil},
	}
	returned := *res
	u.answers <- res
	u.answers <- &returned
	return res, nil
}

// net/http changes an answer of unknown length while a goroutine reads it, so that nothing else may: polls of streams included.
func TestAnswersOfUnknownLengthAreLeftToTheirTransport(t *testing.T) {
	upstream := unannounced{make(chan *http.Response, 2)}
	s := newLiveStage(t, func(o *Options) { o.Transport, o.FrontendTransport = upstream, upstream })
	for _, path := range []string{"/live/me/player", "/api/me", "/x"} {
		_, body := s.open(s.server.Client(), path, loggedIn())
		until(t, body, "{}")
		if now, returned := <-upstream.answers, <-upstream.answers; now.Body != returned.Body {
			t.Errorf("%s: the answer has another body, %T", path, now.Body)
		}
	}
}
