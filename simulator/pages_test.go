package simulator_test

import (
	"html"
	"net/url"
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
