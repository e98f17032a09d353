package stage

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Steadily begins so many actions a second until stop is closed, and waits for them.
func (w *World) Steadily(rate int, stop <-chan struct{}, act func(n int)) {
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

// WatchReady leaves a replica out while /readyz does not say yes. A process that restarts gets a new address, so it is
// let in again once that is known.
func (w *World) WatchReady(i int, admin string, restarting *atomic.Bool, stop <-chan struct{}) {
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
			w.Out[i].Store(!ready)
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}
