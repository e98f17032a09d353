// Package admin answers the admin listener: /livez, /readyz and Go's profiler, and nothing to web pages of other sites.
package admin

import (
	"context"
	"io"
	"net/http"
	"net/http/pprof"
	"time"
)

// readyTimeout bounds one check whether the gateway is ready.
const readyTimeout = 2 * time.Second

// New returns the handler of the admin listener: /livez, /readyz, and Go's profiler when profiler is set. Ready
// returns an error that says which part is not ready, or nil and what an operator should know all the same; both are
// answered as they are, so they must not hold a secret. It gets a context of two seconds. Further pages can be added to
// the result, which must be served behind Guard.
func New(ready func(ctx context.Context) (remark string, err error), profiler bool) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		sayPlainly(w, http.StatusOK, "alive")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		remark, err := ready(ctx)
		switch {
		case err != nil:
			sayPlainly(w, http.StatusServiceUnavailable, err.Error())
		case remark != "":
			sayPlainly(w, http.StatusOK, "ready\n"+remark)
		default:
			sayPlainly(w, http.StatusOK, "ready")
		}
	})
	if profiler {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func sayPlainly(w http.ResponseWriter, status int, words string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, words+"\n") //nolint:gosec // G705: the type is plain text, and a prober that left needs no answer
}
