package session_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"stagedoor/session"
)

// FuzzState comes back from a consent page with any state and any cookies. Only the state itself brings the note back, and
// only to the browser that began; everything else leaves the login as it was. STATE and BROWSER stand for the real values,
// OTHER for those of somebody else.
func FuzzState(f *testing.F) {
	for _, cookies := range []string{
		"stagedoor-login=BROWSER", "", "stagedoor-login=OTHER", "stagedoor-login=BROWSER; stagedoor-login=OTHER",
		"stagedoor-login=BROWSER; stagedoor-login=BROWSER", "stagedoor-login=\"BROWSER\"", "stagedoor=BROWSER", "STAGEDOOR-LOGIN=BROWSER",
		"stagedoor-login=STATE", "stagedoor-login =BROWSER", "a=b,stagedoor-login=BROWSER", "=stagedoor-login=BROWSER", "stagedoor-login=BROWSER\x00",
		"\vstagedoor-login=OTHER; stagedoor-login=BROWSER", "stagedoor-login=\tOTHER; stagedoor-login=BROWSER",
		"stagedoor-login=OTHER\f; stagedoor-login=BROWSER", "stagedoor-login= OTHER; stagedoor-login=BROWSER",
	} {
		f.Add("STATE", cookies)
	}
	for _, state := range []string{"", "OTHER", "BROWSER", "STATE=", " STATE", "STATE\n", "STATESTATE", "STATE.BROWSER", "../STATE"} {
		f.Add(state, "stagedoor-login=BROWSER")
	}
	m := newManager(f, session.Options{})
	stranger := &browser{}
	strange, err := stranger.begin(m, []byte("the stranger's note"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, state, cookies string) {
		b := &browser{}
		begun, err := b.begin(m, []byte("note"))
		if err != nil {
			t.Fatal(err)
		}
		real := strings.NewReplacer("STATE", begun.Reveal(), "BROWSER", b.cookies["stagedoor-login"], "OTHER", strange.Reveal())
		sent, header := real.Replace(state), real.Replace(cookies)
		note, err := m.FinishAttempt(&http.Request{Header: http.Header{"Cookie": {header}}}, sent)
		switch {
		case err == nil:
			if sent != begun.Reveal() || !onlyCookie(header, b.cookies["stagedoor-login"]) || string(note) != "note" {
				t.Errorf("the state %q with the cookies %q brings back %q", state, cookies, note)
			}
		case !errors.Is(err, session.ErrNoAttempt) || note != nil:
			t.Errorf("the state %q with the cookies %q: %q and %v", state, cookies, note, err)
		}
		again, afterwards := b.finish(m, begun.Reveal())
		if err == nil && !errors.Is(afterwards, session.ErrNoAttempt) || err != nil && string(again) != "note" {
			t.Errorf("after the state %q with the cookies %q, which got %v, its own browser gets %q and %v", state, cookies, err, again, afterwards)
		}
	})
}

// onlyCookie reads a Cookie header in the simplest way: the login cookie is there, and nowhere with another id. What could
// be no id of a browser's cannot be another's either, and harms nobody.
func onlyCookie(header, id string) bool {
	const space = " \t\r\n"
	found := false
	for pair := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.Trim(pair, space), "=")
		if quoted := len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"'; quoted {
			value = value[1 : len(value)-1]
		}
		if strings.TrimRight(name, space) != "stagedoor-login" || !looksLikeID.MatchString(value) {
			continue
		}
		if value != id {
			return false
		}
		found = true
	}
	return found
}

var looksLikeID = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
