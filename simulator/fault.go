package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Action is what a fault does to the connection.
type Action string

const (
	// ActionAnswer answers as usual; it is the zero value.
	ActionAnswer Action = ""
	// ActionHang never answers. The request is let go when its client leaves, or the fault is cleared.
	ActionHang Action = "hang"
	// ActionReset closes the connection with a TCP reset instead of an answer.
	ActionReset Action = "reset"
	// ActionTruncate declares the whole length, sends half of the body and cuts the connection.
	ActionTruncate Action = "truncate"
)

// Fault is something that goes wrong with the requests it matches. In this order it waits for Delay; carries the
// request out, if Execute is set or nothing replaces the answer; waits for Linger; and answers: with Status and Body
// in place of the true answer when Status is set, with Merge, Header, Early and Trailer on top, or as Action says.
//
// The zero Fault meets every request and changes nothing.
type Fault struct {
	// ID is given by AddFault.
	ID int `json:"id"`
	// Name stands in Seen; empty means "fault" and the ID.
	Name string `json:"name"`
	Match
	// Skip lets this many matching requests pass first. Times is how many it then meets; zero means until cleared.
	Skip  int `json:"skip,omitempty"`
	Times int `json:"times,omitempty"`
	// Delay is before, Linger after the request is carried out. In JSON they are texts such as "1.5s". A request is
	// carried out after Delay even when its client has left meanwhile: it had arrived.
	Delay  time.Duration `json:"-"`
	Linger time.Duration `json:"-"`
	// Execute carries the request out although the answer is replaced or lost.
	Execute bool `json:"execute,omitempty"`
	// Status replaces the answer by this status and Body; zero keeps the true answer.
	Status int    `json:"status,omitempty"`
	Body   string `json:"body,omitempty"`
	// Size repeats Body up to so many bytes; zero sends it as it is.
	Size int64 `json:"size,omitempty"`
	// Header is set on the answer, over what stands there.
	Header http.Header `json:"header,omitempty"`
	// Merge changes the top level of a JSON answer; a nil value removes the field.
	Merge map[string]any `json:"merge,omitempty"`
	// Early are the headers of informational answers (103) before the answer, and Trailer follows it.
	Early   []http.Header `json:"early,omitempty"`
	Trailer http.Header   `json:"trailer,omitempty"`
	Action  Action        `json:"action,omitempty"`
}

// faultFields is Fault without its methods.
type faultFields Fault

type faultJSON struct {
	*faultFields
	Delay  string `json:"delay,omitempty"`
	Linger string `json:"linger,omitempty"`
}

// MarshalJSON writes durations as texts.
func (f Fault) MarshalJSON() ([]byte, error) {
	wire := faultJSON{faultFields: (*faultFields)(&f)}
	if f.Delay != 0 {
		wire.Delay = f.Delay.String()
	}
	if f.Linger != 0 {
		wire.Linger = f.Linger.String()
	}
	return json.Marshal(wire)
}

// UnmarshalJSON reads durations as texts, over what the fault already says.
func (f *Fault) UnmarshalJSON(data []byte) error {
	wire := faultJSON{faultFields: (*faultFields)(f)}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	var err error
	if wire.Delay != "" {
		if f.Delay, err = time.ParseDuration(wire.Delay); err != nil {
			return fmt.Errorf("the delay %q is not a duration; write one such as 1.5s", wire.Delay)
		}
	}
	if wire.Linger != "" {
		if f.Linger, err = time.ParseDuration(wire.Linger); err != nil {
			return fmt.Errorf("linger %q is not a duration; write one such as 1.5s", wire.Linger)
		}
	}
	return nil
}

func (f *Fault) replaces() bool {
	return f.Status != 0 || f.Action == ActionHang || f.Action == ActionReset
}

func (f *Fault) check() error {
	switch {
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("the status %d cannot be sent as a final answer; use 200 to 599", f.Status)
	case f.Status == 0 && (f.Body != "" || f.Size != 0):
		return errors.New("a body needs a status; set both")
	case f.Size < 0 || f.Size > 1<<30:
		return fmt.Errorf("the size %d is out of range; use at most 1 GiB", f.Size)
	case f.Skip < 0 || f.Times < 0 || f.Delay < 0 || f.Linger < 0:
		return errors.New("skip, times, delay and linger must not be negative")
	case f.Side != "" && f.Side != SideAccounts && f.Side != SideAPI:
		return fmt.Errorf("there is no side %q; write accounts or api", f.Side)
	}
	switch f.Action {
	case ActionAnswer, ActionHang, ActionReset, ActionTruncate:
		return nil
	}
	return fmt.Errorf("there is no action %q; write hang, reset or truncate", f.Action)
}

// planted is a fault in force.
type planted struct {
	Fault
	met     int           // requests that matched so far, guarded by faultList.mu
	cleared chan struct{} // closed by clear
}

// faultList holds the faults in force, oldest first; the first that matches meets the request.
type faultList struct {
	closed <-chan struct{}

	mu   sync.Mutex // guards what follows
	last int
	list []*planted
}

// take returns the fault that meets the request, or nil.
func (l *faultList) take(seen *Seen) *planted {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.list {
		if !f.Match.selects(seen) || f.Times > 0 && f.met >= f.Skip+f.Times {
			continue
		}
		f.met++
		if f.met > f.Skip {
			return f
		}
	}
	return nil
}

// hold waits for d, or less when the fault is cleared, the simulator closed or leave is closed.
func (l *faultList) hold(f *planted, d time.Duration, leave <-chan struct{}) {
	if d == 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.cleared:
	case <-l.closed:
	case <-leave:
	}
}

// hang waits until the client leaves, the fault is cleared or the simulator closed.
func (l *faultList) hang(f *planted, leave <-chan struct{}) {
	select {
	case <-f.cleared:
	case <-l.closed:
	case <-leave:
	}
}

// AddFault puts a fault into force behind those that are, and returns its id.
func (s *Server) AddFault(f Fault) (int, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	l := s.faults
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	f.ID = l.last
	if f.Name == "" {
		f.Name = "fault " + strconv.Itoa(f.ID)
	}
	l.list = append(l.list, &planted{Fault: f, cleared: make(chan struct{})})
	return f.ID, nil
}

// Faults returns the faults in force, also those whose Times have passed, oldest first.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	list := []Fault{}
	for _, f := range s.faults.list {
		list = append(list, f.Fault)
	}
	return list
}

// ClearFault ends one fault and tells whether there was one. Requests that it delays go on at once; those that hang
// are cut.
func (s *Server) ClearFault(id int) bool {
	return s.faults.clear(func(f *planted) bool { return f.ID == id }) > 0
}

// ClearFaults ends all faults, as ClearFault does.
func (s *Server) ClearFaults() { s.faults.clear(func(*planted) bool { return true }) }

func (l *faultList) clear(gone func(*planted) bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.list[:0:0]
	for _, f := range l.list {
		if gone(f) {
			close(f.cleared)
		} else {
			kept = append(kept, f)
		}
	}
	count := len(l.list) - len(kept)
	l.list = kept
	return count
}
