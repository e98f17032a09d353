package outcome

import (
	"fmt"
	"slices"
)

// Event is the name of an event of a stream of a route with live, as it is written to the stream and told to other replicas.
type Event uint8

// The values of Event.
const (
	EventState    Event = iota // Spotify's answer
	EventDelayed               // there is no answer for now
	EventFailed                // Spotify has said no; the last event
	EventEnded                 // the session or the grant has ended; the last event
	EventReplaced              // the session has too many streams; the last event of the oldest
)

var events = [...]string{"state", "delayed", "failed", "ended", "replaced"}

func (v Event) String() string  { return events[v] }
func (v Event) texts() []string { return events[:] }

// MarshalText implements encoding.TextMarshaler.
func (v Event) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. An unknown name is an error.
func (v *Event) UnmarshalText(text []byte) error {
	i := slices.Index(events[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is not the name of an event", text)
	}
	*v = Event(i) //nolint:gosec // G115: there are five
	return nil
}
