package httperror

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// pageFor returns the page that a person gets for e.
func pageFor(e *Error) string {
	w := httptest.NewRecorder()
	DefaultPages().Write(w, httptest.NewRequest(http.MethodGet, "/auth/callback", nil), OnPage(e), "id")
	return w.Body.String()
}

// The button says what it does: more permission is not another login.
func TestPageOffersALogin(t *testing.T) {
	for reason, text := range map[string]string{LoginRequired: "Log in", AccessDenied: "Log in", InsufficientScope: "Allow it"} {
		e := New(reason, "Go on there.", nil)
		e.LoginURL = "/auth/login?scope=user-top-read&return_to=%2Fapp"
		want := `<a href="/auth/login?scope=user-top-read&amp;return_to=%2Fapp">` + text + `</a>`
		if body := pageFor(e); !strings.Contains(body, want) {
			t.Errorf("%s: the page lacks %q", reason, want)
		}
	}
}

// A person is told how long to wait, in the unit they would choose, and never too short.
func TestPageSaysHowLongToWait(t *testing.T) {
	sentence := regexp.MustCompile(`<p class="wait">(.*?)</p>`)
	for _, test := range []struct {
		wait time.Duration
		want string
	}{
		{0, ""},
		{4 * time.Second, ""},
		{7 * time.Second, "It is worth another try in 7 seconds."},
		{29500 * time.Millisecond, "It is worth another try in 30 seconds."},
		{101 * time.Second, "It is worth another try in 2 minutes."},
		{24 * time.Hour, "It is worth another try in 24 hours."},
	} {
		e := New(RateLimited, "Spotify asks for a pause.", nil)
		e.RetryAfter = test.wait
		got := ""
		if found := sentence.FindStringSubmatch(pageFor(e)); found != nil {
			got = found[1]
		}
		if got != test.want {
			t.Errorf("after %v the page says %q, want %q", test.wait, got, test.want)
		}
	}
}
