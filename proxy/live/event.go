package live

import (
	"encoding/json"

	"stagedoor/internal/outcome"
)

// event is one event of a stream as it is written (WHATWG HTML, section 9.2.6). All listeners share it.
type event struct {
	name outcome.Event
	data []byte
	wire []byte
}

// newEvent makes an event. The data has no line end; the id may be empty.
func newEvent(name outcome.Event, id string, data []byte) *event {
	wire := make([]byte, 0, len(name.String())+len(id)+len(data)+32)
	wire = append(append(append(wire, "event: "...), name.String()...), '\n')
	if id != "" {
		wire = append(append(append(wire, "id: "...), id...), '\n')
	}
	wire = append(append(append(wire, "data: "...), data...), '\n', '\n')
	return &event{name: name, data: data, wire: wire}
}

// newDelayed says why there is no answer, and in how many seconds the next try is.
func newDelayed(reason string, seconds int) []byte {
	data, err := json.Marshal(map[string]any{"reason": reason, "retry_after": seconds})
	if err != nil { // texts and numbers always encode
		panic(err)
	}
	return data
}

// replaced is the last event of a stream that a newer one replaced. It tells the reader to wait long before it reconnects: a
// reader that reconnected at once would replace another stream.
func replaced() *event {
	e := newEvent(outcome.EventReplaced, "", []byte("{}"))
	e.wire = append([]byte("retry: 3600000\n"), e.wire...)
	return e
}
