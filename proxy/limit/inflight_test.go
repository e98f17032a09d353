package limit

import (
	"sync"
	"testing"
)

// begin wants a place.
func begin(t *testing.T, f *InFlight) *Place {
	t.Helper()
	place, free := f.Begin()
	if !free {
		t.Fatal("there is no place")
	}
	return &place
}

func TestRequestsAreBounded(t *testing.T) {
	var f InFlight
	f.Configure(Capacity{Requests: 2})
	first := begin(t, &f)
	begin(t, &f)
	if _, free := f.Begin(); free {
		t.Error("a third request has a place")
	}
	first.Leave()
	first.Leave()
	begin(t, &f)
	if now, limit := f.Requests(); now != 2 || limit != 2 {
		t.Errorf("%d of %d requests", now, limit)
	}
}

func TestStreamsLeavePlacesToRequests(t *testing.T) {
	var f InFlight
	f.Configure(Capacity{Requests: 1, Streams: 1, Held: 2})
	socket := begin(t, &f)
	first, again := socket.Stream(true, true), socket.Stream(true, true)
	if !first || !again {
		t.Fatal("there is no place for a stream")
	}
	events := begin(t, &f)
	if events.Stream(true, false) {
		t.Error("there is a second connection to an upstream")
	}
	if !events.Stream(false, true) {
		t.Error("there is no place for a stream that needs no upstream")
	}
	late := begin(t, &f)
	if late.Stream(true, true) || late.Stream(false, true) {
		t.Error("there is a place for a third stream")
	}
	events.Leave()
	if late.Stream(true, true) || !late.Stream(false, true) {
		t.Error("the place of a stream that ended is not free, or another one is")
	}
	late.Leave()
	socket.Leave()
	socket.Leave()
	if f.requests.taken.Load() != 0 || f.upstream.taken.Load() != 0 || f.held.taken.Load() != 0 {
		t.Errorf("places are lost: %+v", &f)
	}
}

func TestInFlightWithoutBounds(t *testing.T) {
	var f InFlight
	for range 1000 {
		if place := begin(t, &f); !place.Stream(true, true) {
			t.Fatal("there is no place for a stream")
		}
	}
	var none Place
	if !none.Stream(true, true) {
		t.Error("without bounds there is no stream")
	}
	none.Leave()
}

func TestInFlightIsSafe(t *testing.T) {
	var f InFlight
	f.Configure(Capacity{Requests: 3, Streams: 2, Held: 2})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 200 {
				place, _ := f.Begin()
				place.Stream(true, true)
				if requests, streams := f.requests.taken.Load(), f.upstream.taken.Load(); requests > 3 || streams > 2 {
					t.Errorf("%d requests and %d streams", requests, streams)
				}
				place.Leave()
			}
		})
	}
	all.Wait()
	if now, _ := f.Requests(); now != 0 || f.upstream.taken.Load() != 0 || f.held.taken.Load() != 0 {
		t.Error("places are lost")
	}
}
