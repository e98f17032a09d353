package admin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAdmin(t *testing.T) {
	var notReady error
	remark := ""
	ready := func(ctx context.Context) (string, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the look at what is ready may take forever")
		}
		return remark, notReady
	}
	ask := func(h http.Handler, method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	admin := New(ready, false)
	if got := ask(admin, "GET", "/livez"); got.Code != 200 {
		t.Errorf("/livez: %d", got.Code)
	}
	if got := ask(admin, "GET", "/readyz"); got.Code != 200 || got.Body.String() != "ready\n" {
		t.Errorf("/readyz: %d %q", got.Code, got.Body)
	}
	remark = "log lines are being dropped"
	if got := ask(admin, "GET", "/readyz"); got.Code != 200 || got.Body.String() != "ready\n"+remark+"\n" {
		t.Errorf("/readyz with a remark: %d %q", got.Code, got.Body)
	}
	notReady = errors.New("redis does not answer")
	if got := ask(admin, "GET", "/readyz"); got.Code != 503 || !strings.Contains(got.Body.String(), "redis does not answer") {
		t.Errorf("/readyz: %d %q", got.Code, got.Body)
	}
	if got := ask(admin, "GET", "/livez"); got.Code != 200 {
		t.Errorf("/livez depends on others: %d", got.Code)
	}
	for path, code := range map[string]int{"/": 404, "/metrics": 404, "/debug/pprof/": 404} {
		if got := ask(admin, "GET", path); got.Code != code {
			t.Errorf("%s: %d, want %d", path, got.Code, code)
		}
	}
	if got := ask(admin, "POST", "/livez"); got.Code != 405 {
		t.Errorf("POST /livez: %d", got.Code)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine", "/debug/pprof/cmdline"} {
		if got := ask(New(ready, true), "GET", path); got.Code != 200 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}
