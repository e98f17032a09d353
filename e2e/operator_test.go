package e2e

import (
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// TestOperatorEndsSessions lists who is logged in and ends sessions by handle, by user and all, while three gateways run:
// what has ended is dead on all of them when the command returns.
func TestOperatorEndsSessions(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 3})
	laptop, phone, stranger := w.Visitor(), w.Visitor(), w.Visitor()
	for _, v := range []*stage.Visitor{laptop, phone} {
		v.Login("ada")
		v.ExpectIn("after the login")
	}
	stranger.Login("ben")
	_, handle, _ := phone.Sessions()

	list := w.Operate(t, "sessions", "list")
	if strings.Count(list, `"ada"`) != 2 || strings.Count(list, `"ben"`) != 1 || !strings.Contains(list, handle) {
		t.Errorf("sessions list prints\n%s", list)
	}
	list = w.Operate(t, "sessions", "list", "-user", "ben")
	if strings.Contains(list, `"ada"`) || !strings.Contains(list, `"ben"`) {
		t.Errorf("sessions list -user ben prints\n%s", list)
	}

	expectCount := func(want, got string) {
		t.Helper()
		if got != want+" sessions ended.\n" {
			t.Errorf("the command says %q, want %s", got, want)
		}
	}
	expectCount("1", w.Operate(t, "sessions", "revoke", "-handle", handle))
	phone.ExpectOut("after revoke -handle")
	laptop.ExpectIn("after revoke -handle of another")
	phone.Login("ada")
	expectCount("2", w.Operate(t, "sessions", "revoke", "-user", "ada"))
	phone.ExpectOut("after revoke -user")
	laptop.ExpectOut("after revoke -user")
	stranger.ExpectIn("after revoke -user of another")
	laptop.Login("ada")
	expectCount("2", w.Operate(t, "sessions", "revoke", "-all"))
	laptop.ExpectOut("after revoke -all")
	stranger.ExpectOut("after revoke -all")
	expectCount("0", w.Operate(t, "sessions", "revoke", "-all"))
	if list := w.Operate(t, "sessions", "list"); strings.Count(list, "\n") != 1 {
		t.Errorf("with nobody there sessions list prints\n%s", list)
	}
}

// TestOperatorMistakes checks the exit codes and sentences of what an operator may get wrong.
func TestOperatorMistakes(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Accounts: "radio: {}"})
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no verb":               {[]string{"sessions"}, 2, "list or revoke"},
		"unknown verb":          {[]string{"sessions", "end"}, 2, "list or revoke"},
		"revoke without a word": {[]string{"sessions", "revoke"}, 2, "-user ID, -handle HANDLE and -all"},
		"revoke of two kinds":   {[]string{"sessions", "revoke", "-user", "ada", "-all"}, 2, "one of"},
		"list of a handle":      {[]string{"sessions", "list", "-handle", "x"}, 2, "-handle"},
		"nobody of that name":   {[]string{"sessions", "revoke", "-user", "nobody"}, 1, "no such session"},
		"nothing of that name":  {[]string{"sessions", "revoke", "-handle", "nothing"}, 1, "no such session"},
		"accounts without verb": {[]string{"accounts"}, 2, "connect or list or remove"},
		"connect of nobody":     {[]string{"accounts", "connect"}, 2, "connect NAME"},
		"list with a name":      {[]string{"accounts", "list", "radio"}, 2, "one argument too many"},
		"unknown account":       {[]string{"accounts", "connect", "television"}, 2, `no account "television"`},
		"remove of an unknown":  {[]string{"accounts", "remove", "television"}, 2, `no account "television"`},
		"not connected":         {[]string{"accounts", "remove", "radio"}, 1, "not connected"},
		"a scope with a typo": {
			[]string{"accounts", "connect", "radio", "-scope", "user-read-emial"}, 2, "did you mean user-read-email",
		},
	} {
		code, stdout, stderr := stage.Stagedoor(t, []string{"STAGEDOOR_CONFIG=" + w.Replicas[0].Config}, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) || stdout != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: code %d, stdout %q, stderr %q; want code %d and %q", name, code, stdout, stderr, c.code, c.want)
		}
	}
	w.Redis.Stop()
	for _, args := range [][]string{
		{"sessions", "list"}, {"sessions", "revoke", "-all"}, {"accounts", "connect", "radio"}, {"accounts", "list"},
	} {
		code, stdout, stderr := stage.Stagedoor(t, nil, append(args, "-config", w.Replicas[0].Config)...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, "the session store does not answer") {
			t.Errorf("%v without Redis: code %d, %q %q", args, code, stdout, stderr)
		}
	}
	w.Redis.Start()
}
