package fault

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// rollingRestart restarts all replicas, one after the other, under load and with streams in flight. The balancer looks at
// /readyz, as they do.
func rollingRestart(r *trial) {
	replicas, rate, lasts := size(r, 3, 8), size(r, 60, 300), size(r, time.Second, 5*time.Second)
	streamer := httptest.NewServer(streaming(lasts))
	defer streamer.Close()
	w := stage.NewWorld(r, stage.Options{
		Replicas: replicas, Users: 5, Server: "shutdown_delay: 2s",
		KnownAdmin: true,
		Routes: fmt.Sprintf(`
  - {path: /api/, upstream: spotify, credentials: user}
  - {path: /, upstream: %q, credentials: none}
`, streamer.URL),
	})
	crowd := w.Crowd(5)
	r.loaded("%d replicas one after the other, %d requests/s, streams of %v in flight, shutdown_delay 2 s", replicas, rate, lasts)
	restarting := make([]atomic.Bool, replicas)
	stop := make(chan struct{})
	var watching, load sync.WaitGroup
	for i, p := range w.Replicas {
		watching.Go(func() { w.WatchReady(i, p.Admin, &restarting[i], stop) })
	}
	h, streams := stage.NewHistory(), &atomic.Int64{}
	var broken atomic.Int64
	load.Go(func() {
		w.Steadily(rate, stop, func(n int) { h.Me(crowd[n%len(crowd)]) })
	})
	load.Go(func() {
		w.Steadily(5, stop, func(int) {
			a, err := crowd[0].Try(http.MethodGet, "/stream", "")
			streams.Add(1)
			if err != nil || !strings.HasSuffix(a.Body, "end\n") {
				broken.Add(1)
			}
		})
	})
	begin := time.Now()
	for i, p := range w.Replicas {
		restarting[i].Store(true)
		p.Restart() // fails the test unless the exit code is 0
		restarting[i].Store(false)
	}
	took := time.Since(begin)
	close(stop)
	load.Wait()
	watching.Wait()
	r.expect("0 failed requests", h.Count(stage.OK) == h.Count() && h.Count() > 0, "%v", h)
	r.expect("0 broken streams", broken.Load() == 0, "%d of %d broke", broken.Load(), streams.Load())
	r.expect("exit 0", !r.Failed(), "a replica said otherwise")
	r.measure("%v and %d streams in %s, slowest answer %s", h, streams.Load(), seconds(took), seconds(h.Longest(stage.OK)))
	lawful(h, r)
}

// streaming answers with a line every tenth of a second, and with "end" when the time is over.
func streaming(lasts time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for begin := time.Now(); time.Since(begin) < lasts; {
			_, _ = io.WriteString(w, "data: x\n\n") // a client that left shows in the context
			_ = http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
		_, _ = io.WriteString(w, "end\n")
	})
}

// terminatedDuringARefresh ends a replica in an orderly way while its token call is under way.
func terminatedDuringARefresh(r *trial) {
	const waiting = 20
	w := stage.NewWorld(r, stage.Options{Replicas: 2, Users: 1, Server: "shutdown_delay: 1s"}) // all requests arrive before it ends
	w.Rotate()
	crowd := w.ExpiredCrowd(1)
	r.loaded("SIGTERM while %d requests wait for a refresh of 2 s", waiting)
	w.Fault(simulator.Fault{Match: simulator.Match{Grant: "refresh_token"}, Delay: 2 * time.Second, Times: 1})
	w.Through(0)
	h := stage.NewHistory()
	var group sync.WaitGroup
	group.Go(func() { h.All(crowd, waiting) })
	called := simulator.Filter{Match: simulator.Match{Grant: "refresh_token"}}
	if _, err := w.Spotify.AwaitSeen(r.Context(), called, 1); err != nil {
		r.Fatal(err)
	}
	w.Replicas[0].Signal(syscall.SIGTERM)
	begin := time.Now()
	err := w.Replicas[0].Wait()
	took := time.Since(begin)
	group.Wait()
	r.expect("exit 0", err == nil, "it ended with %v", err)
	r.expect("0 failed requests", h.Count(stage.OK) == waiting, "%v", h)
	w.Through(1)
	h.Me(crowd[0])
	r.expect("the refresh is saved", h.Count(stage.OK) == waiting+1 && len(w.Refreshes()) == 1, "%v with %d refreshes", h, len(w.Refreshes()))
	r.measure("%v, exit after %s", h, seconds(took))
	lawful(h, r)
}
