package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// ranBy names, for each fenced block of each page, the test that runs it, or says why none does. A key is a page, a heading and a
// language, and a number from the second block of that kind on; the runbooks of all alerts are one heading.
var ranBy = map[string]string{
	"README.md#Stagedoor sh":                    "TestWalkIsOfTheReadme",
	"README.md#With Vite sh":                    "TestWalkIsOfTheReadme",
	"README.md#In the page js":                  "TestJavaScriptOfPages",
	"README.md#Errors json":                     "TestErrorOfTheReadme",
	"README.md#With Vite js":                    "TestModulesOfPages",
	"README.md#With Vite sh 2":                  "not run: it wants an account of Spotify's; TestDemoFrontend has the same arrangement",
	"README.md#Your own app in five minutes sh": "not run: it wants an account of Spotify's; TestCheck and every world of these tests run the two commands",

	"docs/frontend.md#1. The demo sh":                            "TestWalk",
	"docs/frontend.md#2. An app of your own sh":                  "TestWalk",
	"docs/frontend.md#2. An app of your own sh 2":                "TestWalk",
	"docs/frontend.md#2. An app of your own sh 3":                "TestWalk",
	"docs/frontend.md#2. An app of your own ts":                  "TestWalk",
	"docs/frontend.md#3. The same, checked and built sh":         "TestWalk",
	"docs/frontend.md#3. The same, checked and built sh 2":       "TestWalk",
	"docs/frontend.md#4. With Spotify's SDK sh":                  "TestWalk",
	"docs/frontend.md#4. With Spotify's SDK sh 2":                "TestWalk",
	"docs/frontend.md#4. With Spotify's SDK sh 3":                "TestWalk",
	"docs/frontend.md#4. With Spotify's SDK ts":                  "TestWalk",
	"docs/frontend.md#5. As it will be in production sh":         "TestWalkCompose",
	"docs/frontend.md#How do I get the token in a component? js": "TestJavaScriptOfPages",
	"docs/frontend.md#Which scopes do I need? js":                "TestJavaScriptOfPages",
	"docs/frontend.md#My player stops after an hour js":          "TestJavaScriptOfPages",
	"docs/frontend.md#My page runs on another origin js":         "TestJavaScriptOfPages",
	"docs/frontend.md#My page runs on another origin yaml":       "TestConfigurationsOfPages",
	"docs/frontend.md#How do I render on a server? js":           "TestModulesOfPages",
	"docs/live.md#Live: what plays, pushed to every page yaml":   "TestJavaScriptOfPages",
	"docs/live.md#The events js":                                 "TestJavaScriptOfPages",
	"docs/operations.md#Redis Cluster sh":                        "not run: it wants six servers with names of their own; the tests of redisstore make a cluster by themselves",
	"docs/verify.md#How to verify a release sh":                  "not run: it wants a release, and the network",
	"docs/verify.md#A program sh":                                "not run: it wants a release, and the network",
	"docs/verify.md#The image sh":                                "not run: it wants a release, and the network",
	"docs/verify.md#What is in it sh":                            "not run: it wants a release, and the network",
	"docs/verify.md#Build it yourself sh":                        "not run: it wants a release, and the network",
	"docs/operations.md#Backup sh":                               "TestBackup",
	"docs/operations.md#Backup sh 2":                             "TestBackup",
	"docs/operations.md#Stagedoor… sh":                           "TestAlertsFire", // follows each alert's runbook
	"docs/operations.md#Stagedoor… sh 2":                         "TestAlertsFire",
	"docs/operations.md#The gateway's pages yaml":                "TestConfigurationsOfPages",
	"docs/quota.md#What to set yaml":                             "TestConfigurationsOfPages",
	"docs/tracing.md#Traces yaml":                                "TestConfigurationsOfPages",
	"docs/routes.md#A “now playing” widget yaml":                 "TestNowPlayingWidget",
	"docs/routes.md#A “now playing” widget html":                 "TestNowPlayingWidget",

	"docs/benchmarks.md#Benchmarks sh":                         "not run: it takes an hour and writes the page",
	"docs/faults.md#Faults sh":                                 "not run: it takes forty minutes and writes the page; TestFaults runs it in small",
	"docs/configuration.md#Configuration yaml":                 "not run: it is of compose, with files that only an operator has",
	"docs/proxies.md#Behind nginx, Caddy or Traefik nginx":     "TestBehindNginx",
	"docs/proxies.md#Behind nginx, Caddy or Traefik caddyfile": "TestBehindCaddy",
	"docs/proxies.md#Behind nginx, Caddy or Traefik yaml":      "TestBehindTraefik",
	"docs/quota.md#The four stages mermaid":                    "not run: a picture",
	"docs/refresh.md#How a token is refreshed mermaid":         "not run: a picture",

	"client/README.md#stagedoor sh":            "TestWalk",
	"client/README.md#The client js":           "not run: TestPackage bundles it, and its pages make the same calls",
	"client/README.md#The client ts":           "not run: TestPackage bundles it, and its pages make the same calls",
	"client/README.md#React jsx":               "not run: TestPackage bundles it, and its pages make the same calls",
	"client/README.md#Vite js":                 "not run: TestPackage bundles it, and its pages make the same calls",
	"client/README.md#Spotify's SDK ts":        "not run: TestPackage bundles it, and its pages make the same calls",
	"client/README.md#The Web Playback SDK js": "not run: TestPackage bundles it, and its pages make the same calls",

	"examples/go-zmb3/README.md#Go, with zmb3/spotify and an API key yaml":                "TestConfigurationsOfPages",
	"examples/go-zmb3/README.md#Go, with zmb3/spotify and an API key sh":                  "not run as it stands: TestExampleGo runs the program with its own address and key",
	"examples/now-playing/README.md#A now-playing widget sh":                              "not run as it stands: TestExampleNowPlaying has the command with the folder's path",
	"examples/now-playing/README.md#A now-playing widget yaml":                            "TestConfigurationsOfPages",
	"examples/plain/README.md#A plain HTML page sh":                                       "not run as it stands: TestExamplePlain has the command with the folder's path",
	"examples/react-vite/README.md#React with Vite sh":                                    "not run as it stands: TestExampleReact has the commands with a port of its own",
	"examples/sveltekit/README.md#SvelteKit, rendered on a server sh":                     "not run as it stands: TestExampleSvelteKit has the commands with a port of its own",
	"examples/sveltekit/README.md#SvelteKit, rendered on a server caddyfile":              "not run: it wants a name and its certificate; TestExampleSvelteKit passes the same paths on",
	"examples/web-playback/README.md#A speaker in the page, with the Web Playback SDK sh": "not run as it stands: TestExampleWebPlayback has the folder behind a gateway",
}

// TestEverySnippetIsRun holds the table above to the pages and to the tests.
func TestEverySnippetIsRun(t *testing.T) {
	t.Parallel()
	alert := regexp.MustCompile(`#Stagedoor[A-Z]\w+ `)
	left := map[string]bool{}
	for key := range ranBy {
		left[key] = true
	}
	for _, page := range append(pagesOf(t, "docs/*.md"), append(pagesOf(t, "examples/*/README.md"), "README.md", "client/README.md")...) {
		count := map[string]int{}
		for _, b := range stage.Blocks(t, page) {
			if b.Language == "" { // a drawing, or what a program prints
				continue
			}
			key := page + "#" + b.Heading + " " + b.Language
			count[key]++
			n := count[key]
			if key = alert.ReplaceAllString(key, "#Stagedoor… "); n > 1 {
				key += fmt.Sprint(" ", n)
			}
			delete(left, key)
			if ranBy[key] == "" {
				t.Errorf("%q: nobody runs this snippet, and nothing says why not", key)
			}
		}
	}
	for key := range left {
		t.Errorf("%q: there is no such snippet", key)
	}
	tests := map[string]bool{}
	for _, file := range append(pagesOf(t, "e2e/*_test.go"), pagesOf(t, "e2e/*/*_test.go")...) {
		for _, name := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(stage.Page(t, file), -1) {
			tests[name[1]] = true
		}
	}
	for key, name := range ranBy {
		if !tests[name] && !strings.HasPrefix(name, "not run") {
			t.Errorf("%q: there is no test %s", key, name)
		}
	}
}

// pagesOf returns the files that match a pattern, by their paths from the top of the repository.
func pagesOf(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pattern)))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	for i, file := range files {
		files[i] = filepath.ToSlash(strings.TrimPrefix(file, ".."+string(filepath.Separator)))
	}
	return files
}

// snippet returns the one block of a page with a heading and a language.
func snippet(t *testing.T, page, heading, language string) string {
	t.Helper()
	var found []string
	for _, b := range stage.Blocks(t, page) {
		if b.Heading == heading && b.Language == language {
			found = append(found, b.Text)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s has %d blocks of %s below %q, want one", page, len(found), language, heading)
	}
	return found[0]
}

// TestConfigurationsOfPages has the gateway check the parts of config.yaml that pages show.
func TestConfigurationsOfPages(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	stage.WriteFile(t, filepath.Join(folder, "logo.svg"), `<svg xmlns="http://www.w3.org/2000/svg"/>`)
	stage.WriteFile(t, filepath.Join(folder, "pages.css"), "h1 { color: red }")
	stage.WriteFile(t, filepath.Join(folder, "keys"), session.NewKey().Reveal()+"\n")
	for key, test := range ranBy {
		page, rest, _ := strings.Cut(key, "#")
		heading, isYAML := strings.CutSuffix(rest, " yaml")
		if test != "TestConfigurationsOfPages" || !isYAML {
			continue
		}
		file := filepath.Join(folder, "config.yaml")
		stage.WriteFile(t, file, fmt.Sprintf("spotify: {client_id: id, client_secret: secret}\nsession: {keys: [%q]}\n", session.NewKey().Reveal())+
			snippet(t, page, heading, "yaml"))
		check := exec.Command(stage.Binary, "check", "-config", file)
		check.Env = []string{"PATH=" + os.Getenv("PATH")}
		if output, err := check.CombinedOutput(); err != nil {
			t.Errorf("the configuration below %q of %s: %v\n%s", heading, page, err, output)
		}
	}
}

// TestErrorOfTheReadme compares an answer with the one that README.md shows.
func TestErrorOfTheReadme(t *testing.T) {
	t.Parallel()
	var want, got any
	if err := json.Unmarshal([]byte(snippet(t, "README.md", "Errors", "json")), &want); err != nil {
		t.Fatal(err)
	}
	stage.NewWorld(t, stage.Options{}).Visitor().Do(http.MethodGet, "/api/me", "").Decode(t, &got)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the gateway answers %v, and README.md says %v", got, want)
	}
}

// TestModulesOfPages runs in Node what a page shows of a server and of a development server's configuration.
func TestModulesOfPages(t *testing.T) {
	stage.OnlyLong(t, "it bundles every module of the pages")
	t.Parallel()
	node, err := exec.LookPath("node")
	sessiontest.Require(t, "node", "Install Node.js 20 or later, such as Debian's package nodejs.", err == nil)
	run := func(module string, env ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), node, "--input-type=module")
		c.Env, c.Stdin = append(os.Environ(), env...), strings.NewReader(module)
		output, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, module, output)
		}
		return strings.TrimSpace(string(output))
	}
	w := stage.NewWorld(t, stage.Options{})
	v := w.Visitor()
	v.Login("ada")
	public, err := url.Parse(w.Balancer.URL)
	if err != nil {
		t.Fatal(err)
	}
	var cookies []string
	for _, c := range v.Client.Jar.Cookies(public) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	load := replaced(t, snippet(t, "docs/frontend.md", "How do I render on a server?", "js"), "http://127.0.0.1:8080", w.Balancer.URL) +
		"const request = { headers: new Headers(process.env.COOKIES ? { cookie: process.env.COOKIES } : {}) };\n" +
		"console.log((await load({ request, fetch })).session.user?.display_name);\n"
	if got := run(load, "COOKIES="+strings.Join(cookies, "; ")); got != "Ada Marlow" {
		t.Errorf("a server that shows Ada's cookie hears of %q", got)
	}
	if got := run(load); got != "undefined" {
		t.Errorf("a server without a cookie hears of %q", got)
	}
	vite := replaced(t, snippet(t, "README.md", "With Vite", "js"), "export default", "const config =")
	const shown = "console.log(config.server.host, Object.keys(config.server.proxy), config.server.proxy['/auth'].target);\n"
	if got := run(vite + shown); got != "127.0.0.1 [ '/auth', '/api' ] http://127.0.0.1:8080" {
		t.Errorf("the configuration of Vite is %s", got)
	}
}

// pageScript is a block of JavaScript that a test opens in a page.
type pageScript struct {
	page, heading string
	before, after string // what the reader's own code has around it
	elsewhere     bool   // the page is of another origin, which the gateway lists
	shows         string // a part of the page that the script leads to; empty: it stays
	then          string // a condition that the page comes to fulfil
}

const importsClient = "import { createClient } from '/auth/client.js';\n"

// TestJavaScriptOfPages opens pages with the scripts that the documentation shows.
func TestJavaScriptOfPages(t *testing.T) {
	stage.OnlyLong(t, "Chromium runs every script of the pages")
	t.Parallel()
	elsewhere := http.NewServeMux()
	other := httptest.NewServer(elsewhere)
	t.Cleanup(other.Close)
	scripts := []pageScript{
		{page: "README.md", heading: "In the page", before: "console.log = (...line) => (window.lines ??= []).push(line);\n",
			then: `window.lines?.length > 40 && lines[0][0] === "Ada Marlow" && typeof lines[0][1] === "string"`},
		{page: "docs/frontend.md", heading: "How do I get the token in a component?", after: "window.got = items;\n", then: "window.got?.length === 5"},
		{page: "docs/frontend.md", heading: "My player stops after an hour", before: importsClient + "const stagedoor = createClient();\n" +
			"window.Spotify = { Player: class { constructor({ getOAuthToken }) { getOAuthToken((token) => { window.got = token; }); } } };\n",
			then: "window.got?.length > 20"},
		{page: "docs/frontend.md", heading: "My page runs on another origin", elsewhere: true, after: "window.got = await answer.json();\n",
			then: `window.got?.id === "ada"`},
		{page: "docs/live.md", heading: "The events", before: importsClient + "const show = (player) => { window.got = player; };\n",
			then: `typeof window.got?.item?.name === "string"`},
		{page: "docs/frontend.md", heading: "Which scopes do I need?", then: `/playlist-modify-private/.test(location.search)`, shows: `button[value="agree"]`}, // the last: it leaves
	}
	pages := stage.Pages{"index.html": "<!doctype html><title>home</title><p id=home>Home", "new-playlist": "<!doctype html><title>new</title><p id=new>New"}
	for i, s := range scripts {
		pages[fmt.Sprintf("%d.html", i)] = s.html(t)
	}
	_, live, found := strings.Cut(snippet(t, "docs/live.md", "Live: what plays, pushed to every page", "yaml"), "routes:\n  - ")
	if !found {
		t.Fatal("docs/live.md shows no routes")
	}
	w := stage.NewWorld(t, stage.Options{
		Session: "browser_tokens: true", Server: fmt.Sprintf("allowed_origins: [%q]", other.URL),
		Spotify: "scopes: [user-read-private, user-top-read, user-read-playback-state, playlist-read-private, streaming]",
		Routes:  pages.Route(t, stage.UserRoute, strings.TrimSuffix(live, "\n")),
	})
	elsewhere.HandleFunc("/", func(answer http.ResponseWriter, r *http.Request) {
		answer.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(answer, strings.ReplaceAll(pages[strings.TrimPrefix(r.URL.Path, "/")], "https://gate.example.com", w.Balancer.URL))
	})
	tab := stage.Chromium(t)
	stage.Act(t, tab, "log in", chromedp.Navigate(w.Balancer.URL+"/auth/login?return_to=/"),
		chromedp.Click(chromedp.CSS(`input[name="user"][value="ada"]`)), chromedp.Click(chromedp.CSS(`button[value="agree"]`)),
		chromedp.WaitVisible(chromedp.CSS("#home")))
	for i, s := range scripts {
		origin := w.Balancer.URL
		if s.elsewhere {
			origin = other.URL
		}
		s.open(t, tab, fmt.Sprintf("%s/%d.html", origin, i))
	}
	stage.Act(t, tab, "agree to more", chromedp.Click(chromedp.CSS(`button[value="agree"]`)), chromedp.WaitVisible(chromedp.CSS("#new")))
}

func (s pageScript) html(t *testing.T) string {
	t.Helper()
	return "<!doctype html><title>a snippet</title><p id=script>A snippet<script type=\"module\">\n" + s.before + snippet(t, s.page, s.heading, "js") + s.after + "</script>"
}

func (s pageScript) open(t *testing.T, tab context.Context, address string) {
	t.Helper()
	stage.Act(t, tab, "open "+address, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(stage.Or(s.shows, "#script"))))
	stage.Await(t, tab, s.heading+" of "+s.page, s.then)
}
