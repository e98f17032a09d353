package simulator_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"stagedoor/simulator"
)

// control calls the control API and wants a 200.
func (s *stage) control(method, path, body string) reply {
	s.t.Helper()
	a := s.do(s.request(method, "/_simulator/"+path, body))
	if a.StatusCode != 200 {
		s.t.Errorf("%s %s: %d %s", method, path, a.StatusCode, a.body)
	}
	return a
}

func TestControlFaults(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	fault := `{"preset":"api-429","times":1,"delay":"1ms","header":{"Retry-After":["7"]}}`
	if id := s.control("POST", "faults", fault).fields(t)["id"]; id != 1.0 {
		t.Errorf("the id is %v", id)
	}
	a := s.api(token, "GET", "/me", "")
	if a.StatusCode != 429 || a.Header.Get("Retry-After") != "7" || !strings.Contains(a.body, "rate limit") {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	s.control("POST", "faults", `{"path":"/v1/me","status":418,"linger":"1ms","merge":{"a":1,"b":null}}`)
	var list []simulator.Fault
	s.control("GET", "faults", "").json(t, &list)
	if len(list) != 2 || list[0].Delay != time.Millisecond || list[0].Times != 1 || list[1].Linger != time.Millisecond {
		t.Errorf("the faults are %+v", list)
	}
	if merge := list[1].Merge; len(merge) != 2 || merge["a"] != 1.0 || merge["b"] != nil {
		t.Errorf("JSON changed merge to %v", merge)
	}
	s.control("DELETE", "faults/2", "")
	if a := s.api(token, "GET", "/me", ""); a.StatusCode != 200 {
		t.Errorf("after DELETE faults/2: %d", a.StatusCode)
	}
	s.control("DELETE", "faults", "")
	if got := s.Faults(); len(got) != 0 {
		t.Errorf("after DELETE faults: %+v", got)
	}
	var presets []simulator.Fault
	s.control("GET", "presets", "").json(t, &presets)
	if len(presets) != len(simulator.PresetNames()) {
		t.Errorf("%d presets", len(presets))
	}
}

func TestControlRefusesMistakes(t *testing.T) {
	s := newStage(t, nil)
	for _, c := range [][3]string{
		{"POST", "faults", `{"stauts":500}`}, {"POST", "faults", `{"preset":"x"}`}, {"POST", "faults", `{"delay":"soon"}`},
		{"POST", "faults", `{"linger":"soon"}`}, {"POST", "faults", `[]`}, {"POST", "faults", `{"preset":1}`},
		{"POST", "faults", `{"times":"1"}`}, {"POST", "faults", `{"status":1}`}, {"DELETE", "faults/x", ""},
		{"PUT", "consent", `{"user":"nobody"}`}, {"PUT", "consent", `{"usr":"ada"}`},
		{"PUT", "refresh-mode", `{"mode":"x"}`}, {"PUT", "refresh-mode", ``}, {"POST", "users/nobody/revoke", ""},
		{"POST", "authorize", `{"client":"x","user":"ada"}`}, {"POST", "authorize", `{"client":"gateway","user":"x"}`},
		{"POST", "authorize", `{`}, {"POST", "advance", `{"by":"-1s"}`}, {"POST", "advance", `{"by":"x"}`},
		{"PUT", "consent", `{"user":"ada"}{}`}, {"POST", "advance", ``},
		{"GET", "seen?after=x", ""}, {"GET", "seen?wait=1h", ""}, {"GET", "seen?n=x", ""},
	} {
		a := s.do(s.request(c[0], "/_simulator/"+c[1], c[2]))
		if a.StatusCode != 400 || a.fields(t)["error"] == nil {
			t.Errorf("%v: %d %s", c, a.StatusCode, a.body)
		}
	}
	r := s.request("POST", "/_simulator/reset", "", "Origin", "https://attacker.example", "Sec-Fetch-Site", "cross-site")
	if a := s.do(r); a.StatusCode != 403 {
		t.Errorf("another site turned a knob: %d", a.StatusCode)
	}
}

func TestControlOtherKnobs(t *testing.T) {
	s := newStage(t, nil)
	s.control("PUT", "consent", `{"user":"ben","scopes":[]}`)
	u := location(t, s.do(s.request("GET", "/authorize?"+asking().Encode(), "")))
	if u.Query().Get("code") == "" {
		t.Errorf("redirected to %s", u)
	}
	if got := s.control("GET", "consent", "").fields(t)["user"]; got != "ben" {
		t.Errorf("the consent is of %v", got)
	}
	s.control("DELETE", "consent", "")
	if got := s.control("GET", "consent", "").body; got != "null" {
		t.Errorf("the consent is %s", got)
	}
	var tokens simulator.Tokens
	s.control("POST", "authorize", `{"client":"gateway","user":"ada","scopes":["user-top-read"]}`).json(t, &tokens)
	if *tokens.Scope != "user-top-read" {
		t.Errorf("granted %s", *tokens.Scope)
	}
	s.control("PUT", "refresh-mode", `{"mode":"rotate"}`)
	if got := s.refresh(*tokens.RefreshToken).fields(t)["refresh_token"]; got == nil || got == "" {
		t.Errorf("no rotation: %v", got)
	}
	if got := s.control("POST", "expire-access-tokens", "").fields(t)["expired"]; got != 2.0 {
		t.Errorf("expired %v", got)
	}
	if got := s.control("POST", "users/ben/revoke", "").fields(t)["revoked"]; got != 1.0 {
		t.Errorf("revoked %v", got)
	}
	s.control("POST", "advance", `{"by":"4320h"}`)
	if a := s.refresh(*s.grant("ada").RefreshToken); a.StatusCode != 200 {
		t.Errorf("a grant of after the advance: %d", a.StatusCode)
	}
	dora := `{"id":"dora","name":"Dora Quist","product":"premium","registered":false}`
	if got := s.control("GET", "users", "").body; !strings.Contains(got, dora) {
		t.Errorf("the users are %s", got)
	}
	s.control("POST", "reset", "")
	zero := `{"api":0,"authorize":0,"token_calls":{},"refresh":{},"refresh_tokens":{}}`
	if got := s.control("GET", "counts", "").body; got != zero {
		t.Errorf("the counts are %s", got)
	}
}

func TestControlSeen(t *testing.T) {
	s := newStage(t, nil)
	tokens := s.grant("ada")
	s.api(tokens.AccessToken, "POST", "/me/playlists?a=%41&b", `{"name":"x"}`, "X-Odd", "1")
	s.refresh(*tokens.RefreshToken)
	s.token(url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {"x"}})
	var list []simulator.Seen
	s.control("GET", "seen", "").json(t, &list)
	if len(list) != 3 {
		t.Fatalf("%d requests were seen", len(list))
	}
	first := list[0]
	if first.Number != 1 || first.Side != simulator.SideAPI || first.Method != "POST" ||
		first.Target != "/v1/me/playlists?a=%41&b" ||
		first.Header.Get("X-Odd") != "1" || first.Body != `{"name":"x"}` || first.BodySize != 12 || first.ContentLength != 12 ||
		len(first.BodySHA256) != 64 || first.Token != "ada/access/1" || !first.Done || first.Status != 201 {
		t.Errorf("the first is %+v", first)
	}
	if list[1].Grant != "refresh_token" || list[1].Token != "ada/refresh/1" || list[1].Outcome != "kept" {
		t.Errorf("the second is %+v", list[1])
	}
	for query, want := range map[string]int{
		"side=api": 1, "side=accounts": 2, "after=1": 2, "grant=refresh_token": 1, "path=/v1/me": 1, "path=/v1/me&exact=true": 0,
		"token=ada/refresh/1": 1, "method=POST&done=true": 3, "n=3&wait=1m": 3, "n=4&wait=1ms": 3,
	} {
		s.control("GET", "seen?"+query, "").json(t, &list)
		if len(list) != want {
			t.Errorf("%s: %d requests, want %d", query, len(list), want)
		}
	}
	s.control("DELETE", "seen", "")
	if got := s.Seen(simulator.Filter{}); len(got) != 0 {
		t.Errorf("%d are still there", len(got))
	}
}

func TestSeenForgetsTheOldest(t *testing.T) {
	logged := make(chan simulator.Seen, 20)
	s := newStage(t, func(o *simulator.Options) {
		o.Remember = 4
		o.Log = func(seen simulator.Seen) { logged <- seen }
	})
	for range 9 {
		s.do(s.request("GET", "/v1/me", ""))
	}
	got := s.Seen(simulator.Filter{})
	if len(got) == 0 || len(got) > 4 || got[len(got)-1].Number != 9 {
		t.Errorf("remembered %d, the last is %+v", len(got), got)
	}
	if len(logged) != 9 || (<-logged).Status != 401 {
		t.Errorf("logged %d", len(logged))
	}
}
