package simulator_test

import (
	"net/url"
	"testing"

	"stagedoor/simulator"
)

func TestIssued(t *testing.T) {
	s := newStage(t, nil)
	if issued := s.Issued(); len(issued) != 0 {
		t.Fatalf("before anything happened it has issued %v", issued)
	}
	code := s.code(asking())
	tokens, err := s.Authorize("gateway", "ada")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetRefreshMode(simulator.RefreshRotate); err != nil {
		t.Fatal(err)
	}
	var next simulator.Tokens
	s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {*tokens.RefreshToken}}).json(t, &next)
	want := map[string]string{
		"ada/code/1": code, "ada/access/1": tokens.AccessToken, "ada/refresh/1": *tokens.RefreshToken,
		"ada/access/2": next.AccessToken, "ada/refresh/2": *next.RefreshToken,
	}
	issued := s.Issued()
	for label, value := range want {
		if value == "" || issued[label] != value {
			t.Errorf("%s is %q, want %q", label, issued[label], value)
		}
	}
	if len(issued) != len(want) {
		t.Errorf("it has issued %d, want %d: %v", len(issued), len(want), issued)
	}
}
