package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/pprof"
	"time"
)

// readyTimeout bounds one look at whether the gateway is ready.
const readyTimeout = 2 * time.Second

// NewAdmin returns the handler of the admin listener: /livez, /readyz, and Go's profiler when profiler is set. Ready
// returns nil, or an error that says which part is not ready in words without a secret: they are answered as they are.
// It gets a context of two seconds. Further pages can be added to the result.
func NewAdmin(ready func(ctx context.Context) error, profiler bool) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		sayPlainly(w, http.StatusOK, "alive")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := ready(ctx); err != nil {
			sayPlainly(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		sayPlainly(w, http.StatusOK, "ready")
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
	_, _ = io.WriteString(w, words+"\n") // a prober that left needs no answer
}
