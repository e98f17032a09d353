package attack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// door is where browsers come in: it ends TLS, for the gateway as a reverse proxy does, and for every other origin of a
// test with pages of its own. It remembers what went to the gateway.
type door struct {
	t       testing.TB
	public  string // the gateway's origin
	host    string // what the gateway gets as Host; empty keeps the browser's
	gateway http.Handler
	origins map[string]http.Handler // others, by scheme://host
	tls     *httptest.Server
	plain   *httptest.Server
	flags   []chromedp.ExecAllocatorOption // lead a browser here, whatever the name and the port

	mu     sync.Mutex // guards passed
	passed []passage
}

// passage is a request that went to the gateway, and what the gateway said.
type passage struct {
	number       string // of the case, which pages write into the query
	request      string // method and path
	origin, site string // the headers Origin and Sec-Fetch-Site; "-" for none
	cookie       bool   // whether the session cookie came along
	status       int
	header       http.Header
}

func (p passage) String() string {
	return fmt.Sprintf("%s (Origin %s, Sec-Fetch-Site %s, cookie %t) → %d %s",
		p.request, p.origin, p.site, p.cookie, p.status, p.header.Get("Stagedoor-Reason"))
}

// newDoor opens a door to a gateway's public listener.
func newDoor(t testing.TB, public, host, listener string, origins map[string]http.Handler) *door {
	t.Helper()
	d := &door{t: t, public: public, host: host, origins: origins}
	quiet := log.New(io.Discard, "", 0) // browsers hang up as they like
	d.gateway = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: listener})
			r.Out.Host = stage.Or(d.host, r.In.Host)
		},
		ModifyResponse: d.record,
		ErrorLog:       quiet,
	}
	certificate, pin := ownCertificate(t)
	d.tls = httptest.NewUnstartedServer(d)
	d.tls.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	d.tls.Config.ErrorLog = quiet
	d.tls.StartTLS()
	d.plain = httptest.NewServer(d)
	t.Cleanup(func() {
		d.tls.CloseClientConnections() // a browser keeps its own
		d.tls.Close()
		d.plain.CloseClientConnections()
		d.plain.Close()
	})
	secure, plain := d.tls.Listener.Addr(), d.plain.Listener.Addr()
	d.flags = []chromedp.ExecAllocatorOption{
		chromedp.UserDataDir(generousProfile(t)),
		chromedp.Flag("ignore-certificate-errors-spki-list", pin),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", fmt.Sprintf("MAP *:443 %s, MAP *:8443 %s, MAP *:8080 %s", secure, secure, plain)),
	}
	return d
}

// generousProfile is a browser's profile that lets cookies travel in foreign pages. Chromium's own would spare the gateway
// a good part of the attacks, and what holds shall hold in every browser.
func generousProfile(t testing.TB) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	stage.WriteFile(t, filepath.Join(folder, "Default", "Preferences"),
		`{"profile":{"block_third_party_cookies":false,"cookie_controls_mode":0}}`)
	return folder
}

// ownCertificate makes a certificate for every name of the tests, and what tells Chromium to believe it.
func ownCertificate(t testing.TB) (certificate tls.Certificate, pin string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"*.example.test", "attacker.test", "*.example.org"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, base64.StdEncoding.EncodeToString(sum[:])
}

// ServeHTTP tells the gateway's requests from those of other origins.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin := "http://" + r.Host
	if r.TLS != nil {
		origin = "https://" + r.Host
	}
	switch other := d.origins[origin]; {
	case origin == d.public:
		d.gateway.ServeHTTP(w, r)
	case other != nil:
		other.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// record is the reverse proxy's ModifyResponse: the gateway has decided.
func (d *door) record(answer *http.Response) error {
	r := answer.Request
	p := passage{
		number: r.URL.Query().Get("case"), request: r.Method + " " + r.URL.Path,
		origin: stage.Or(r.Header.Get("Origin"), "-"), site: stage.Or(r.Header.Get("Sec-Fetch-Site"), "-"),
		cookie: slices.ContainsFunc(r.Cookies(), func(c *http.Cookie) bool { return c.Name == httpsCookie }),
		status: answer.StatusCode, header: answer.Header.Clone(),
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.passed = append(d.passed, p)
	return nil
}

// httpsCookie is the session cookie where public_url is https.
const httpsCookie = "__Host-Http-stagedoor"

// forget empties the memory, so that it speaks of what follows.
func (d *door) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.passed = nil
}

// seen returns what went to the gateway in a case.
func (d *door) seen(number string) []passage {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.passed), func(p passage) bool { return p.number != number })
}

// await waits until something went to the gateway in a case.
func (d *door) await(number, what string) {
	d.t.Helper()
	sessiontest.Eventually(d.t, stage.PageTime, what+" arrives", func() bool { return len(d.seen(number)) > 0 })
}
