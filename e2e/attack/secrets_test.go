package attack

import (
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestSecretsStayInside lives through everything at debug level, on two replicas, and then searches all that got out for all
// that is secret. What it does not search is the environment of the processes, which is the operator's own.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	t.Run("authorization_code", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, stage.Options{}, stage.AppRoute)
		ada := s.everydayLife((*stage.Visitor).Login)
		s.appCalls(ada)
		s.breakTokenCalls()
		s.breakRedis(ada)
		s.commands()
		s.search("codes, tokens and keys (authorization_code)", ada)
	})
	t.Run("authorization_code_pkce", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, stage.Options{Public: true, Spotify: "flow: authorization_code_pkce"})
		ada := s.everydayLife((*stage.Visitor).Login)
		s.breakTokenCalls()
		s.search("codes, tokens and keys (authorization_code_pkce)", ada)
	})
	t.Run("implicit", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, stage.Options{Public: true, Implicit: true, Spotify: stage.ImplicitFlow})
		ada := s.everydayLife((*stage.Visitor).LoginImplicit)
		s.badFragments()
		s.search("tokens and keys (implicit)", ada)
	})
}

// search gathers what is left to gather and wants none of the secrets in any of the places. Each place has a mark that went
// there the way a secret would: a place without its mark was not looked at.
func (s *scene) search(class string, v *stage.Visitor) {
	s.t.Helper()
	a := newAttacks(s.t, class)
	s.leaveMarks(v)
	s.hold(v, s.gatherAdmin)
	sessiontest.Eventually(s.t, stage.StartTime, "a caller that left is told at debug level", func() bool {
		return strings.Contains(s.Replicas[0].Log(), `"level":"debug"`)
	})
	s.gatherRedis()
	s.crash(v)
	for _, p := range s.Replicas {
		s.record(placeLog, p.Log())
	}
	s.learnSpotify()
	secrets, marks := finder{}, finder{}
	for name, secret := range s.secrets {
		secrets.learn(s.t, name, secret)
	}
	for _, place := range searched {
		marks.learn(s.t, place, s.mark(place))
	}
	for _, place := range searched {
		text := s.spilled(place)
		found := secrets.find(text)
		for name := range s.secrets {
			a.expect(found[name] == "", "%s has %s: %s", place, name, found[name])
		}
		if marks.find(text)[place] == "" {
			s.t.Errorf("%s is not searched: a mark that was left there is not found", place)
		}
		for _, mark := range moreMarks[place] {
			if !strings.Contains(text, mark) {
				s.t.Errorf("%s is not searched: %q is not there", place, mark)
			}
		}
	}
	s.t.Logf("%d secrets, %d places, %d panics", len(s.secrets), len(searched), strings.Count(s.spilled(placeLog), `"msg":"panic"`))
}
