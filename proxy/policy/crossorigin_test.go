package policy

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// linesOf are the lines of a header that a fuzz target writes in one text; none for "".
func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// FuzzCrossOrigin looks for a request that another site can cause and the rule allows. Browsers send at least one line of
// Origin or Sec-Fetch-Site with a request that changes something; a page can change neither, nor add Stagedoor-Request.
func FuzzCrossOrigin(f *testing.F) {
	for _, origin := range origins {
		f.Add("POST", origin, "", "", "")
		f.Add("GET", origin, "same-origin", "", "navigate")
		f.Add("GET", origin+"\nhttps://app.example", "none", "1", "navigate")
	}
	for _, site := range []string{"same-origin", "same-site", "cross-site", "none", "SAME-ORIGIN", "same-origin\ncross-site", " same-origin"} {
		f.Add("POST", "", site, "1", "")
		f.Add("GET", "null", site, "", "navigate")
		f.Add("GET", "", site, "", "navigate")
	}
	const public, listed = "https://app.example", "https://other.example"
	rule := NewOriginRule(public, []string{listed})
	f.Fuzz(func(t *testing.T, method, origin, site, script, mode string) {
		header := http.Header{"Host": {public}, "X-Forwarded-Host": {public}}
		for name, text := range map[string]string{
			"Origin": origin, "Sec-Fetch-Site": site, ScriptHeader: script, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "document",
		} {
			if lines := linesOf(text); lines != nil {
				header[name] = lines
			}
		}
		r := &http.Request{Method: method, Header: header}
		proof := header["Origin"]
		foreign := len(proof) > 0 && !slices.Equal(proof, []string{public}) && !slices.Equal(proof, []string{listed})
		if slices.Equal(proof, []string{"null"}) && site == "same-origin" {
			foreign = false // a page of the gateway's own with Referrer-Policy: no-referrer
		}
		if len(proof) == 0 && site != "" && site != "same-origin" && !(site == "none" && (method == "GET" || method == "HEAD")) {
			foreign = true
		}
		result := rule.Check(r)
		if foreign != (result == OriginForeign) {
			t.Errorf("%s, Origin %q, Sec-Fetch-Site %q: %v", method, origin, site, result)
		}
		changes := method != "GET" && method != "HEAD"
		if changes && result == OriginAllowed && origin == "" && site == "" && script != "1" {
			t.Errorf("%s without a proof is allowed", method)
		}
		if route := rule.CheckRoute(r); route != result && (route != OriginAllowed || method != "GET" || mode != "navigate" || origin != "") {
			t.Errorf("%s, Origin %q, Sec-Fetch-Site %q, mode %q: %v, for a route %v", method, origin, site, mode, result, route)
		}
	})
}
