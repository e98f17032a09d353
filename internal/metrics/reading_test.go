package metrics

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"stagedoor/internal/outcome"
)

// TestRead checks that a reading tells what a scrape does.
func TestRead(t *testing.T) {
	m := New("", "")
	m.Requests("/api/")("GET", 200, 20*time.Millisecond, "")
	m.Requests("/api/")("PUT", 204, 20*time.Millisecond, "")
	m.Requests("/")("GET", 500, 20*time.Millisecond, "")
	m.Upstream("/api/")(429, nil, 20*time.Millisecond, "")
	m.LoggedIn(outcome.LoginDenied)
	m.LoggedOut(outcome.LogoutOK)
	m.Replayed(outcome.ReplayToken)
	m.RateLimited()
	m.StreamBegun()
	m.Refreshed(outcome.RefreshOK, time.Second, "")
	m.Store(outcome.Load)(time.Millisecond, "")
	m.Store(outcome.Save)(time.Millisecond, "no answer in time")
	r, err := m.Read(time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]any{
		"requests": r.Requests["/api/"]["2xx"] == 2 && r.Requests["/"]["5xx"] == 1 && r.Requests["/"]["2xx"] == 0,
		"upstream": r.Upstream["/api/"]["4xx"] == 1, "logins": r.Logins["denied"] == 1, "logouts": r.Logouts["ok"] == 1,
		"replays": r.Replays["token"] == 1, "rate limits": r.RateLimited == 1, "streams": r.Streams == 1,
		"refreshes": r.Refreshes["ok"] == 1, "time of refreshes": r.RefreshTime.Count() == 1, "store": r.StoreTime.Count() == 2,
		"errors of the store": r.StoreErrors.Total() == 1, "time of requests": r.RequestTime["/api/"].Count() == 2,
		"time of upstreams": r.UpstreamTime["/api/"].Count() == 1, "the moment": r.At.Equal(time.Unix(1, 0)),
	} {
		if got != true {
			t.Errorf("the reading is wrong about %s: %+v", what, r)
		}
	}
	if h := m.StoreHealth(); h.Why != "no answer in time" || !h.Failing() {
		t.Errorf("the store is %+v", h)
	}
}

func TestQuantile(t *testing.T) {
	m := New("", "")
	observe := m.Requests("/")
	read := func() Histogram {
		r, err := m.Read(time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return r.RequestTime["/"]
	}
	before := read()
	if _, known := before.Quantile(0.5); known {
		t.Error("nothing takes a time")
	}
	for range 50 {
		observe("GET", 200, 20*time.Millisecond, "") // in the bucket from 10 to 25 ms
	}
	middle := read()
	for range 50 {
		observe("GET", 200, 2*time.Second, "") // from 1 to 2.5 s
	}
	all := read()
	observe("GET", 200, time.Hour, "")
	for _, c := range []struct {
		what      string
		histogram Histogram
		quantile  float64
		want      time.Duration
	}{
		{"half", all, 0.5, 25 * time.Millisecond},
		{"a quarter", all, 0.25, 17500 * time.Microsecond},
		{"three quarters", all, 0.75, 1750 * time.Millisecond},
		{"half, lately", all.Since(middle), 0.5, 1750 * time.Millisecond},
		{"beyond the last bucket", read().Since(all), 0.5, 30 * time.Second},
	} {
		if got, _ := c.histogram.Quantile(c.quantile); (got - c.want).Abs() > time.Millisecond {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// TestFailuresAreFew checks that neither an outage nor many kinds of failures fill the memory, or hide what began them.
func TestFailuresAreFew(t *testing.T) {
	m := New("", "")
	m.Rejected("FIRST", "/", 503, "a")
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 100 {
				m.Rejected("STORE_UNAVAILABLE", "/", 503, "b")
			}
		})
	}
	all.Wait()
	failures := m.Failures()
	if len(failures) != 2 || failures[0].Times != 1000 || failures[1].Reason != "FIRST" || failures[0].First.After(failures[0].Last) {
		t.Errorf("the failures are %+v", failures)
	}
	for i := range 100 {
		m.Rejected(fmt.Sprint(i), "/", 503, "c")
	}
	if failures := m.Failures(); len(failures) != maxFailures || failures[0].Reason != "99" {
		t.Errorf("%d failures, the youngest %+v", len(failures), failures[0])
	}
}

func TestTokenHealth(t *testing.T) {
	m := New("", "")
	for _, c := range []struct {
		result  outcome.Refresh
		failing bool
	}{
		{outcome.RefreshUnavailable, true}, {outcome.RefreshOK, false}, {outcome.RefreshMisconfigured, true},
		{outcome.RefreshGrantEnded, false}, {outcome.RefreshUnavailable, true}, {outcome.RefreshLost, false},
	} {
		m.Refreshed(c.result, time.Second, "")
		if h := m.TokenHealth(); h.Failing() != c.failing || c.failing && h.Why != c.result.String() {
			t.Errorf("after %s it is %+v", c.result, h)
		}
	}
}
