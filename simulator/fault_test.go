package simulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"stagedoor/simulator"
)

// plant puts a preset into force, changed by change, which may be nil.
func (s *stage) plant(name string, change func(*simulator.Fault)) int {
	s.t.Helper()
	f, err := simulator.Preset(name)
	if err != nil {
		s.t.Fatal(err)
	}
	if change != nil {
		change(&f)
	}
	id, err := s.AddFault(f)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func TestConnectionFaults(t *testing.T) {
	s := newStage(t, nil)
	tokens := s.grant("ada")
	call := func() (reply, error) {
		return s.try(s.request("GET", "/v1/me", "", "Authorization", "Bearer "+tokens.AccessToken))
	}
	s.http.Transport.(*http.Transport).DisableKeepAlives = true // on a kept connection, net/http would try again
	s.plant("api-reset", func(f *simulator.Fault) { f.Times = 1 })
	if _, err := call(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	s.plant("api-truncated", func(f *simulator.Fault) { f.Times = 1 })
	if _, err := call(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated: %v", err)
	}
	if a, err := call(); err != nil || a.StatusCode != 200 {
		t.Errorf("afterwards: %v", err)
	}
}

func TestResetAfterTheRotationIsCommitted(t *testing.T) {
	s := newStage(t, nil)
	s.http.Transport.(*http.Transport).DisableKeepAlives = true
	tokens := s.grant("ada")
	if err := s.SetRefreshMode(simulator.RefreshRotate); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"token-reset", "token-truncated", "token-reset-after"} {
		s.plant(name, func(f *simulator.Fault) { f.Times = 1; f.Execute = i > 0 })
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {*tokens.RefreshToken}}
		r := s.request("POST", "/api/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded",
			"Authorization", basic("gateway", "s3cret"))
		if _, err := s.try(r); err == nil {
			t.Errorf("%s: there was an answer", name)
		}
	}
	got := s.Counts().Refresh
	if got["untouched"] != 1 || got["rotated"] != 1 || got["revoked"] != 1 {
		t.Errorf("the outcomes are %v", got)
	}
}

func TestHangEndsWithTheFault(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	s.plant("api-hang", nil)
	done := make(chan error, 1)
	go func() {
		_, err := s.try(s.request("GET", "/v1/me", "", "Authorization", "Bearer "+token))
		done <- err
	}()
	found, err := s.AwaitSeen(t.Context(), simulator.Filter{Match: simulator.Match{Path: "/v1/me"}}, 1)
	if err != nil || found[0].Done || found[0].Token != "ada/access/1" {
		t.Fatalf("%v %+v", err, found)
	}
	s.ClearFaults()
	if err := <-done; err == nil {
		t.Error("a request that hung was answered")
	}
	if a := s.api(token, "GET", "/me", ""); a.StatusCode != 200 {
		t.Errorf("afterwards: %d", a.StatusCode)
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	s := newStage(t, nil)
	refresh := *s.grant("ada").RefreshToken
	s.plant("token-hang", nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	r := s.request("POST", "/api/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded").WithContext(ctx)
	done := make(chan error, 1)
	go func() { _, err := s.try(r); done <- err }()
	if _, err := s.AwaitSeen(t.Context(), simulator.Filter{}, 1); err != nil {
		t.Fatal(err)
	}
	left := errors.New("the client left")
	cancel(left)
	if err := <-done; !errors.Is(err, left) {
		t.Errorf("the client left with %v", err)
	}
	if _, err := s.AwaitSeen(t.Context(), simulator.Filter{Done: true}, 1); err != nil {
		t.Errorf("the simulator did not notice: %v", err)
	}
}

func TestHugeBody(t *testing.T) {
	s := newStage(t, nil)
	s.plant("token-huge", func(f *simulator.Fault) { f.Size = 3<<20 + 1 })
	if a := s.refresh("x"); len(a.body) != 3<<20+1 || a.ContentLength != -1 {
		t.Errorf("%d bytes, declared %d", len(a.body), a.ContentLength)
	}
}

func TestHostileHeadersAreEverywhere(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	s.plant("api-hostile", nil)
	var early []http.Header
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { early = append(early, http.Header(h)); return nil },
	})
	a := s.do(s.request("GET", "/v1/me", "", "Authorization", "Bearer "+token).WithContext(ctx))
	if a.fields(t)["id"] != "ada" {
		t.Errorf("the body is %s", a.body)
	}
	for _, name := range []string{"Set-Cookie", "Clear-Site-Data", "Link", "Stagedoor-Reason", "Access-Control-Allow-Origin"} {
		if len(early) != 1 || early[0].Get(name) == "" || a.Header.Get(name) == "" || a.Trailer.Get(name) == "" {
			t.Errorf("%s is missing from one of %v, %v, %v", name, early, a.Header, a.Trailer)
		}
	}
}

func TestOpaqueAnswersAreCarriedOut(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	s.plant("api-opaque", func(f *simulator.Fault) { f.Method = "PUT" })
	if a := s.api(token, "PUT", "/me/player/pause", ""); a.StatusCode != 200 || strings.HasPrefix(a.body, "{") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if s.playing(token).IsPlaying {
		t.Error("the command was not carried out")
	}
}

func TestMatching(t *testing.T) {
	for name, c := range map[string]struct {
		fault simulator.Fault
		want  string // the statuses of the four calls below; without a fault, the third is 403
	}{
		"everything": {simulator.Fault{Status: 500}, "500 500 500 500"},
		"prefix":     {simulator.Fault{Match: simulator.Match{Path: "/v1/me/player"}, Status: 500}, "500 200 500 500"},
		"segments":   {simulator.Fault{Match: simulator.Match{Path: "/v1/me/play"}, Status: 500}, "200 200 403 200"},
		"exact": {
			simulator.Fault{Match: simulator.Match{Path: "/v1/me/player", Exact: true}, Status: 500}, "500 200 403 500",
		},
		"slash": {
			simulator.Fault{Match: simulator.Match{Path: "/v1/me/player/", Exact: true}, Status: 500}, "500 200 403 500",
		},
		"method": {simulator.Fault{Match: simulator.Match{Method: "PUT"}, Status: 500}, "200 200 500 200"},
		"other side": {
			simulator.Fault{Match: simulator.Match{Side: simulator.SideAccounts}, Status: 500}, "200 200 403 200",
		},
		"times":        {simulator.Fault{Times: 2, Status: 500}, "500 500 403 200"},
		"skip":         {simulator.Fault{Skip: 1, Times: 2, Status: 500}, "200 500 500 200"},
		"token":        {simulator.Fault{Match: simulator.Match{Token: "ada/access/1"}, Status: 500}, "500 500 500 500"},
		"other token":  {simulator.Fault{Match: simulator.Match{Token: "ben/access/1"}, Status: 500}, "200 200 403 200"},
		"header alone": {simulator.Fault{Header: http.Header{"x-more": {"yes"}}}, "200 200 403 200"},
	} {
		s := newStage(t, nil)
		token := s.grant("ada").AccessToken
		if _, err := s.AddFault(c.fault); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, call := range []string{"GET /me/player", "GET /me/playlists", "PUT /me/player/play", "GET /me/player/"} {
			method, path, _ := strings.Cut(call, " ")
			a := s.api(token, method, path, "")
			got = append(got, a.Status[:3])
			if name == "header alone" && a.Header.Get("X-More") != "yes" {
				t.Errorf("%s: no X-More", call)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func TestFirstFaultMeetsTheRequest(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	s.plant("api-expired", func(f *simulator.Fault) { f.Times = 1 })
	s.plant("api-429", func(f *simulator.Fault) { f.Times = 1 })
	for i, want := range []int{401, 429, 200} {
		if a := s.api(token, "GET", "/me", ""); a.StatusCode != want {
			t.Errorf("call %d: %d, want %d", i+1, a.StatusCode, want)
		}
	}
	if got := s.Faults(); len(got) != 2 || got[1].Name != "api-429" {
		t.Errorf("the faults are %+v", got)
	}
}

func TestFaultsThatCannotBe(t *testing.T) {
	s := newStage(t, nil)
	for name, f := range map[string]simulator.Fault{
		"informational": {
			Status: 103}, "body alone": {Body: "x"}, "huge": {Status: 200, Size: 1 << 40}, "negative": {Times: -1},
		"side": {Match: simulator.Match{Side: "web"}}, "action": {Action: "explode"},
	} {
		if _, err := s.AddFault(f); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	if s.ClearFault(7) {
		t.Error("a fault that never was has been cleared")
	}
}
