package live

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stagedoor/internal/outcome"
)

// drift is how far the progress of a track may be from what the clock says before it counts as a change: polls take
// time, and the clocks of two replicas differ.
const drift = 1500 * time.Millisecond

// sumSize is how many bytes of a digest tell two states apart.
const sumSize = 12

// state is an answer of Spotify's as listeners get it. It is immutable.
type state struct {
	// data is the answer on one line; "null" for an answer without a body.
	data []byte
	mark mark
	// playing says that the next change may come soon, and end when the track ends by itself; zero when that is unknown.
	playing bool
	end     time.Time
	at      time.Time // when the answer was true
	// progress is where data has its progress_ms, from and to; zero when there is none that moves.
	progress [2]int
}

// mark tells whether two states are the same, whenever they were asked for. As text it is the id of an event, so that a
// listener that comes back can say what it knows.
type mark struct {
	sum    string // of all but the progress and the timestamp
	moving bool   // the progress moves as time does
	anchor int64  // milliseconds: when the track began, by its progress, if it moves; else the progress
}

// parseState reads an answer that was true at a time. It returns an error for a text that is not JSON.
func parseState(body []byte, at time.Time) (*state, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("null")
	}
	var data bytes.Buffer
	if err := json.Compact(&data, body); err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	s := &state{data: data.Bytes(), at: at}
	decoder := json.NewDecoder(bytes.NewReader(s.data))
	decoder.UseNumber()
	var whole any
	if err := decoder.Decode(&whole); err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	if fields, isObject := whole.(map[string]any); isObject {
		s.readPlayer(fields, at)
		delete(fields, "timestamp")
		delete(fields, "progress_ms")
	}
	canonical, err := json.Marshal(whole) // the names of members in their order
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(canonical)
	s.mark.sum = base64.RawURLEncoding.EncodeToString(sum[:sumSize])
	return s, nil
}

// readPlayer reads what Spotify's player says about time. It ignores other answers.
func (s *state) readPlayer(fields map[string]any, at time.Time) {
	progress, hasProgress := milliseconds(fields["progress_ms"])
	playing, told := fields["is_playing"].(bool)
	if current, listed := fields["currently_playing"]; listed && !told { // the queue
		playing = current != nil
	}
	s.playing = playing
	if !hasProgress {
		return
	}
	s.mark.anchor = progress.Milliseconds()
	if !playing {
		return
	}
	s.mark.moving, s.mark.anchor = true, at.Add(-progress).UnixMilli()
	s.progress = findMember(s.data, "progress_ms")
	item, _ := fields["item"].(map[string]any)
	if length, known := milliseconds(item["duration_ms"]); known && length > progress {
		s.end = at.Add(length - progress)
	}
}

func milliseconds(value any) (time.Duration, bool) {
	number, isNumber := value.(json.Number)
	if !isNumber {
		return 0, false
	}
	count, err := number.Int64()
	return time.Duration(count) * time.Millisecond, err == nil
}

// same tells whether two marks are of the same state.
func (m mark) same(other mark) bool {
	if m.sum != other.sum || m.moving != other.moving {
		return false
	}
	if !m.moving {
		return m.anchor == other.anchor
	}
	apart := time.Duration(m.anchor-other.anchor) * time.Millisecond
	return apart.Abs() <= drift
}

// String is the id of an event.
func (m mark) String() string {
	kind := "."
	if m.moving {
		kind = "~"
	}
	return m.sum + kind + strconv.FormatInt(m.anchor, 10)
}

// parseMark is the inverse of String. A text that is not a mark gives the zero mark, which is not of any state.
func parseMark(id string) mark {
	at := strings.IndexAny(id, ".~")
	if at < 0 {
		return mark{}
	}
	anchor, err := strconv.ParseInt(id[at+1:], 10, 64)
	if err != nil {
		return mark{}
	}
	return mark{sum: id[:at], moving: id[at] == '~', anchor: anchor}
}

// event makes the state an event for listeners.
func (s *state) event() *event {
	return newEvent(outcome.EventState, s.mark.String(), s.data)
}

// eventLater is event for a listener that comes later, with the progress that the track has made since.
func (s *state) eventLater(now time.Time) *event {
	from, to := s.progress[0], s.progress[1]
	if to == 0 || now.Sub(s.at) < time.Second {
		return s.event()
	}
	if !s.end.IsZero() && now.After(s.end) {
		now = s.end
	}
	progress := now.UnixMilli() - s.mark.anchor
	data := append([]byte{}, s.data[:from]...)
	data = append(strconv.AppendInt(data, progress, 10), s.data[to:]...)
	return newEvent(outcome.EventState, s.mark.String(), data)
}

// findMember returns from where to where the value of a member of a compact JSON object stands; zero when it has no such
// member. The value is a number.
func findMember(data []byte, name string) (at [2]int) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil {
		return at
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return at
		}
		begin := int(decoder.InputOffset()) + len(":")
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return at
		}
		if key == name {
			return [2]int{begin, int(decoder.InputOffset())}
		}
	}
	return at
}
