package attack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// The places that secrets must not get to.
const (
	placeAnswers   = "an answer"
	placeLog       = "the log"
	placeAdmin     = "an admin page"
	placeCommands  = "a command's output"
	placeArguments = "the process arguments"
	placeRedis     = "Redis"
	placeFrontend  = "what the frontend was sent"
)

const (
	redisPassword = "e2e-redis-password-51c09be7"
	plainAPIKey   = "e2e-kitchen-key-9f31c2d07a"
	hiddenAPIKey  = "e2e-garage-key-77d0aa41be" // the gateway is told its hash
)

// scene is a world in which every secret is known, and everything that gets out of it is kept.
type scene struct {
	*stage.World
	t        *testing.T
	frontend *interloper
	tokens   *interloper // stands before the token endpoint

	mu      sync.Mutex                  // guards what follows
	secrets map[string]string           // by a name for each
	out     map[string]*strings.Builder // what got out, by place
}

// newScene starts two replicas at debug level, with everything on that could tell something.
func newScene(t *testing.T, o stage.Options, routes ...string) *scene {
	t.Helper()
	s := &scene{t: t, secrets: map[string]string{}, out: map[string]*strings.Builder{}}
	s.frontend = newInterloper(t, s.page)
	keys, digest := filepath.Join(t.TempDir(), "keys"), sha256.Sum256([]byte(hiddenAPIKey))
	stage.WriteFile(t, keys, plainAPIKey+"\nsha256:"+hex.EncodeToString(digest[:])+"\n")
	o.Replicas, o.Log, o.Pprof = 2, "debug", true
	o.Session = "browser_tokens: true"
	o.Accounts = fmt.Sprintf("box: {api_keys_file: %q}", keys)
	o.Routes = ""
	for _, route := range append(routes, stage.UserRoute,
		"{path: /box/, upstream: spotify, credentials: account:box, methods: [GET], allow: [me/player]}",
		fmt.Sprintf("{path: /%s/, upstream: \"http://%s\", credentials: none}", markOf(placeAdmin), s.frontend.address),
		fmt.Sprintf("{path: /, upstream: \"http://%s\", credentials: none}", s.frontend.address)) {
		o.Routes += "\n  - " + route
	}
	o.Prepare = func(w *stage.World) {
		s.World = w
		s.tokens = newInterloper(t, func(asked *http.Request, _ string) string { return spoken(w.Spotify, asked) })
		w.TokenURL = "http://" + s.tokens.address + "/api/token"
		w.Store += fmt.Sprintf("\nusername: %s\npassword: %s", stage.GatewayUser, redisPassword)
		s.admitGateways(redisPassword)
	}
	stage.NewWorld(t, o)
	if !o.Public {
		s.learn("the client secret", stage.ClientSecret)
	}
	s.learn("the session key", s.Key.Reveal())
	s.learn("the password of Redis", redisPassword)
	s.learn("the API key", plainAPIKey)
	s.learn("the hashed API key", hiddenAPIKey)
	return s
}

// admitGateways lets the gateways log in to Redis with a password, and lets Redis remember each command that it is sent.
// It forgets both when it ends.
func (s *scene) admitGateways(password string) {
	s.t.Helper()
	s.redisDoes("ACL", "SETUSER", stage.GatewayUser, "on", "resetpass", ">"+password, "~*", "&*", "+@all")
	s.redisDoes("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "100000")
}

func (s *scene) redisDoes(command ...string) any {
	s.t.Helper()
	reply, err := s.Redis.Do(command...)
	if err != nil {
		s.t.Fatalf("%v: %v", command, err)
	}
	return reply
}

// learn remembers a secret by a name.
func (s *scene) learn(name, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for known := range s.secrets {
		if s.secrets[known] == secret {
			return
		}
	}
	if s.secrets[name] != "" {
		name = fmt.Sprintf("%s (%d)", name, len(s.secrets))
	}
	s.secrets[name] = secret
}

// record keeps what has got to a place.
func (s *scene) record(place, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out[place] == nil {
		s.out[place] = &strings.Builder{}
	}
	s.out[place].WriteString(text + "\n")
}

// spilled returns all that has got to a place.
func (s *scene) spilled(place string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out[place] == nil {
		return ""
	}
	return s.out[place].String()
}

// visitor is somebody whose answers are kept, all of them.
func (s *scene) visitor() *stage.Visitor {
	v := s.World.Visitor()
	v.Client.Transport = witness{scene: s, next: v.Client.Transport}
	v.Client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		r.Header.Del("Referer") // browsers send none here, see Referrer-Policy
		if len(via) == 10 {
			return errors.New("there is no end of redirects")
		}
		return nil
	}
	return v
}

// unseen is the same browser without a witness, for the answers that may hold a token because Spotify put it there.
func unseen(v *stage.Visitor) *stage.Visitor {
	other, client := *v, *v.Client
	if w, ok := client.Transport.(witness); ok {
		client.Transport = w.next
	}
	other.Client = &client
	return &other
}

// witness keeps every answer of the gateways: informational ones, headers, body and trailers.
type witness struct {
	scene *scene
	next  http.RoundTripper
}

func (w witness) RoundTrip(r *http.Request) (*http.Response, error) {
	ours := "http://"+r.URL.Host == w.scene.Balancer.URL
	if ours {
		early := func(code int, h textproto.MIMEHeader) error {
			w.scene.record(placeAnswers, fmt.Sprint(code, h))
			return nil
		}
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: early}))
	}
	answer, err := w.next.RoundTrip(r)
	if err != nil || !ours {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), iotest.ErrReader(err)))
	}
	header, text := w.scene.withoutRightful(r, answer, string(body))
	w.scene.record(placeAnswers, fmt.Sprintf("%s %v\n%s\n%v", answer.Status, header, text, answer.Trailer))
	return answer, nil
}

// withoutRightful learns the secrets that an answer is there to carry and takes them out of it, each in its one place: a
// cookie of the gateway's in Set-Cookie, the state on the way to the consent page, the token of POST /auth/token.
func (s *scene) withoutRightful(r *http.Request, answer *http.Response, body string) (http.Header, string) {
	header := answer.Header.Clone()
	for i, cookie := range answer.Cookies() {
		if strings.HasPrefix(cookie.Name, "stagedoor") && cookie.Value != "" {
			s.learn("a cookie "+cookie.Name, cookie.Value)
			header["Set-Cookie"][i] = strings.Replace(header["Set-Cookie"][i], cookie.Value, "", 1)
		}
	}
	consent, err := url.Parse(header.Get("Location"))
	if err == nil && consent.Path == "/authorize" && consent.Query().Has("state") {
		s.learn("a state", consent.Query().Get("state"))
		header.Set("Location", strings.Replace(consent.String(), consent.Query().Get("state"), "", 1))
	}
	var handed stage.HandedOut
	if r.URL.Path == "/auth/token" && r.Method == http.MethodPost && json.Unmarshal([]byte(body), &handed) == nil {
		body = strings.Replace(body, handed.AccessToken, "", 1)
	}
	return header, body
}

// page is the frontend: it keeps what it is sent, and is asked by its path to break HTTP with words of the request.
func (s *scene) page(asked *http.Request, text string) string {
	s.record(placeFrontend, fmt.Sprint(asked.Header))
	const page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 8\r\n\r\n<!doctype"
	switch asked.URL.Path {
	case "/no-status":
		return "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"
	case "/echo":
		return text
	case "/bad-header":
		return "HTTP/1.1 200 OK\r\nYou said " + text
	case "/bad-trailer":
		return "HTTP/1.1 200 OK\r\nTrailer: X-Said\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nYou said " + text
	case "/twice":
		return page + text
	}
	return page
}

// gatherRedis keeps all that Redis holds, all that it was sent, and its file.
func (s *scene) gatherRedis() {
	s.t.Helper()
	for _, key := range s.Keys("*") {
		read := map[string][]string{"string": {"GET", key}, "hash": {"HGETALL", key}, "zset": {"ZRANGE", key, "0", "-1"}}
		for _, command := range [][]string{read[s.redisDoes("TYPE", key).(string)], {"DUMP", key}} {
			s.record(placeRedis, fmt.Sprint(key, " ", s.redisDoes(command...)))
		}
	}
	s.record(placeRedis, fmt.Sprint(s.redisDoes("SLOWLOG", "GET", "-1")))
	folder := s.redisDoes("CONFIG", "GET", "dir").([]any)[1].(string)
	files := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		s.record(placeRedis, string(text))
		files++
		return err
	})
	if err != nil || files == 0 {
		s.t.Fatalf("%d files of Redis are read: %v", files, err)
	}
}

// learnSpotify learns what Spotify has handed out, and what it was sent to prove something.
func (s *scene) learnSpotify() {
	s.t.Helper()
	for label, value := range s.Spotify.Issued() {
		s.learn("the token "+label, value)
	}
	for _, seen := range s.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAccounts}}) {
		if form, err := url.ParseQuery(seen.Body); err == nil && form.Get("code_verifier") != "" {
			s.learn("a code verifier", form.Get("code_verifier"))
		}
		if basic, ok := strings.CutPrefix(seen.Header.Get("Authorization"), "Basic "); ok {
			s.learn("the client's Basic credentials", basic)
		}
	}
}
