package live

import (
	"encoding/json"
	"strconv"

	"stagedoor/internal/outcome"
)

// event is one event of a stream. All listeners share it.
type event struct {
	name outcome.Event
	data []byte
	piece
}

// piece is a text of a stream as it is written: by itself (WHATWG HTML, section 9.2.6), and as a chunk of an HTTP/1.1 answer
// (RFC 9112 section 7.1). It is immutable.
type piece struct {
	text  []byte // a part of chunk
	chunk []byte
}

// newPiece joins parts to a piece.
func newPiece(parts ...string) piece {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	chunk := append(strconv.AppendInt(make([]byte, 0, size+20), int64(size), 16), "\r\n"...)
	begin := len(chunk)
	for _, part := range parts {
		chunk = append(chunk, part...)
	}
	end := len(chunk)
	chunk = append(chunk, "\r\n"...)
	return piece{text: chunk[begin:end:end], chunk: chunk}
}

// newEvent makes an event. The data has no line end; the id may be empty.
func newEvent(name outcome.Event, id string, data []byte) *event {
	line := ""
	if id != "" {
		line = "id: " + id + "\n"
	}
	return &event{name: name, data: data, piece: newPiece("event: ", name.String(), "\n", line, "data: ", string(data), "\n\n")}
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
	name := outcome.EventReplaced
	return &event{name: name, piece: newPiece("retry: 3600000\nevent: ", name.String(), "\ndata: {}\n\n")}
}
