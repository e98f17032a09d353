package simulator_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"stagedoor/simulator"
)

// markup is what a text looks like that wants to be more than text.
const markup = `</title>"'><script>alert("1")</script>&amp;`

// TestPagesEscape puts markup wherever a text comes from a request or from the options.
func TestPagesEscape(t *testing.T) {
	const redirect = `https://app.example/<script>"'&amp;`
	s := newStage(t, func(o *simulator.Options) {
		o.Clients = []simulator.Client{{ID: "gateway" + markup, Name: "App" + markup, RedirectURIs: []string{redirect}}}
		o.Users = []simulator.User{{ID: "id" + markup, Name: "Name" + markup, Product: "Product" + markup, Country: "Country" + markup}}
	})
	asked := asking("client_id", "gateway"+markup, "redirect_uri", redirect, "state", "State"+markup, "Parameter"+markup, "Value"+markup,
		"code_challenge", strings.Repeat("c", 43), "code_challenge_method", "S256").Encode()
	twice := url.Values{"Twice" + markup: {""}}.Encode()
	for target, shown := range map[string][]string{
		"/": {"App" + markup, "gateway" + markup, "Name" + markup, "id" + markup, "Product" + markup},
		"/authorize?" + asked: {
			"App" + markup, redirect, "State" + markup, "Parameter" + markup, "Value" + markup, "Name" + markup,
			"Product" + markup + ", Country" + markup, `value="id` + markup,
		},
		"/authorize?" + twice + "&" + twice: {"The parameter Twice" + markup + " is there more than once."},
	} {
		a := s.do(s.request("GET", target, ""))
		_, body, _ := strings.Cut(a.body, "</style>")
		for _, text := range shown {
			if !strings.Contains(html.UnescapeString(body), text) {
				t.Errorf("%.20s: the page does not say %q:\n%s", target, text, body)
			}
		}
		if strings.Contains(a.body, "<script") || strings.Count(a.body, "<title>") != 1 || strings.Contains(body, `"'`) {
			t.Errorf("%.20s: markup is on the page:\n%s", target, a.body)
		}
	}
}

// TestPictureOfAnybody has ids stay ids in the addresses of pictures.
func TestPictureOfAnybody(t *testing.T) {
	s := newStage(t, func(o *simulator.Options) { o.Users = []simulator.User{{ID: `../x?"#&`, Name: "X"}} })
	a := s.do(s.request("GET", "/authorize?"+asking().Encode(), ""))
	if !strings.Contains(a.body, `src="/_simulator/images/user/..%2Fx%3F%22%23&amp;.svg"`) {
		t.Errorf("the picture's address is not of the id:\n%s", a.body)
	}
}

// TestIndexHasAButtonForEachPreset presses them, as a person does who wants to see the app fail.
func TestIndexHasAButtonForEachPreset(t *testing.T) {
	s := newStage(t, nil)
	index := func() string { return html.UnescapeString(s.do(s.request("GET", "/", "")).body) }
	button := regexp.MustCompile(`action="/_simulator/presets/([^"]+)"><button><strong>([^<]+)</strong><span>([^<]+)</span>`)
	found := button.FindAllStringSubmatch(index(), -1)
	if len(found) != len(simulator.PresetNames()) {
		t.Fatalf("there are %d buttons for %d presets", len(found), len(simulator.PresetNames()))
	}
	for _, f := range found {
		if f[1] != f[2] || len(f[3]) < 4 {
			t.Errorf("the button of %s is %q, and says %q", f[1], f[2], f[3])
		}
	}
	if a := s.do(s.request("POST", "/_simulator/presets/api-429", "")); a.StatusCode != 303 || a.Header.Get("Location") != "/#in-force" {
		t.Errorf("a button is answered %d %s", a.StatusCode, a.Header.Get("Location"))
	}
	if page := index(); !strings.Contains(page, "In force: <code>api-429</code>") {
		t.Errorf("the page does not say what is in force:\n%s", page)
	}
	foreign := s.request("POST", "/_simulator/presets/api-500", "")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := s.do(foreign); a.StatusCode != 403 {
		t.Errorf("another site's form is answered %d", a.StatusCode)
	}
	if a := s.do(s.request("POST", "/_simulator/end-faults", "")); a.StatusCode != 303 || !strings.Contains(index(), "Nothing goes wrong at present.") {
		t.Errorf("the button that ends all is answered %d", a.StatusCode)
	}
	if a := s.do(s.request("POST", "/_simulator/presets/none", "")); a.StatusCode != 400 {
		t.Errorf("a preset that is not there is answered %d", a.StatusCode)
	}
}
