package e2e

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

	"stagedoor/simulator"
)

// rollingRestart restarts all replicas, one after the other, under load and with streams in flight. The balancer looks at
// /readyz, as they do.
func rollingRestart(r *trial) {
	replicas, rate, lasts := size(r, 3, 8), size(r, 60, 300), size(r, time.Second, 5*time.Second)
	streamer := httptest.NewServer(streaming(lasts))
	defer streamer.Close()
	w := newWorld(r, options{
		replicas: replicas, users: 5, server: "shutdown_delay: 2s",
		knownAdmin: true,
		routes: fmt.Sprintf(`
  - {path: /api/, upstream: spotify, credentials: user}
  - {path: /, upstream: %q, credentials: none}
`, streamer.URL),
	})
	crowd := w.crowd(5)
	r.loaded("%d replicas one after the other, %d requests/s, streams of %v in flight, shutdown_delay 2 s", replicas, rate, lasts)
	restarting := make([]atomic.Bool, replicas)
	stop := make(chan struct{})
	var watching, load sync.WaitGroup
	for i, p := range w.replicas {
		watching.Go(func() { w.watchReady(i, p.admin, &restarting[i], stop) })
	}
	h, streams := newHistory(), &atomic.Int64{}
	var broken atomic.Int64
	load.Go(func() {
		w.steadily(rate, stop, func(n int) { h.me(crowd[n%len(crowd)]) })
	})
	load.Go(func() {
		w.steadily(5, stop, func(int) {
			a, err := crowd[0].try(http.MethodGet, "/stream", "")
			streams.Add(1)
			if err != nil || !strings.HasSuffix(a.body, "end\n") {
				broken.Add(1)
			}
		})
	})
	begin := time.Now()
	for i, p := range w.replicas {
		restarting[i].Store(true)
		p.restart() // fails the test unless the exit code is 0
		restarting[i].Store(false)
	}
	took := time.Since(begin)
	close(stop)
	load.Wait()
	watching.Wait()
	r.expect("0 failed requests", h.count(ok) == h.count() && h.count() > 0, "%v", h)
	r.expect("0 broken streams", broken.Load() == 0, "%d of %d broke", broken.Load(), streams.Load())
	r.expect("exit 0", !r.Failed(), "a replica said otherwise")
	r.measure("%v and %d streams in %s, slowest answer %s", h, streams.Load(), seconds(took), seconds(h.longest(ok)))
	h.lawful(r)
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

// steadily begins so many actions a second until stop is closed, and waits for them.
func (w *world) steadily(rate int, stop <-chan struct{}, act func(n int)) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	var group sync.WaitGroup
	defer group.Wait()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			group.Go(func() { act(n) })
		case <-stop:
			return
		}
	}
}

// watchReady leaves a replica out while /readyz does not say yes. A process that restarts gets a new address, so it is
// let in again once that is known.
func (w *world) watchReady(i int, admin string, restarting *atomic.Bool, stop <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		known := !restarting.Load()
		response, err := http.Get("http://" + admin + "/readyz")
		ready := err == nil && response.StatusCode == http.StatusOK
		if err == nil {
			_ = response.Body.Close()
		}
		if !ready || known {
			w.away[i].Store(!ready)
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

// terminatedDuringARefresh ends a replica in an orderly way while its token call is under way.
func terminatedDuringARefresh(r *trial) {
	const waiting = 20
	w := newWorld(r, options{replicas: 2, users: 1, server: "shutdown_delay: 1s"}) // all requests arrive before it ends
	w.rotate()
	crowd := w.expiredCrowd(1)
	r.loaded("SIGTERM while %d requests wait for a refresh of 2 s", waiting)
	w.fault(simulator.Fault{Match: simulator.Match{Grant: "refresh_token"}, Delay: 2 * time.Second, Times: 1})
	w.through(0)
	h := newHistory()
	var group sync.WaitGroup
	group.Go(func() { h.all(crowd, waiting) })
	called := simulator.Filter{Match: simulator.Match{Grant: "refresh_token"}}
	if _, err := w.spotify.AwaitSeen(r.Context(), called, 1); err != nil {
		r.Fatal(err)
	}
	w.replicas[0].signal(syscall.SIGTERM)
	begin := time.Now()
	err := w.replicas[0].wait()
	took := time.Since(begin)
	group.Wait()
	r.expect("exit 0", err == nil, "it ended with %v", err)
	r.expect("0 failed requests", h.count(ok) == waiting, "%v", h)
	w.through(1)
	h.me(crowd[0])
	r.expect("the refresh is saved", h.count(ok) == waiting+1 && len(w.refreshes()) == 1, "%v with %d refreshes", h, len(w.refreshes()))
	r.measure("%v, exit after %s", h, seconds(took))
	h.lawful(r)
}
