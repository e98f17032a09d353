package attack

import (
	"bufio"
	wire "encoding/binary"
	"fmt"
	"net"
	"time"

	"stagedoor/e2e/stage"
)

// Settings of HTTP/2, and the flag that takes them (RFC 9113 section 6.5).
const (
	settingsAck = 0x1

	settingMaxStreams, settingWindow, settingMaxFrame = 3, 4, 5
)

// frames is an HTTP/2 connection without TLS that sends what it likes, whatever the rules are.
type frames struct {
	net.Conn
	in       *bufio.Reader
	out      *bufio.Writer
	settings map[uint16]uint32 // the server's
}

// openFrames connects, and gives the server a window of so many bytes for each stream.
func openFrames(address string, window uint32) (*frames, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(stage.StartTime))
	f := &frames{Conn: conn, in: bufio.NewReader(conn), out: bufio.NewWriter(conn), settings: map[uint16]uint32{}}
	_, _ = f.out.WriteString(http2Preface)
	f.send(frameSettings, 0, 0, wire.BigEndian.AppendUint32([]byte{0, settingWindow}, window))
	first, err := readFrame(f.in)
	if err != nil || first.kind != frameSettings {
		_ = conn.Close()
		return nil, fmt.Errorf("the server begins with %v instead of its settings: %w", first, err)
	}
	for entry := first.payload; len(entry) >= 6; entry = entry[6:] {
		f.settings[wire.BigEndian.Uint16(entry)] = wire.BigEndian.Uint32(entry[2:])
	}
	f.send(frameSettings, settingsAck, 0, nil)
	return f, nil
}

// queue writes a frame that goes out with the next one that is sent.
func (f *frames) queue(kind, flags byte, stream uint32, payload []byte) {
	_, _ = f.out.WriteString(frame(kind, flags, stream, string(payload))) // the answers tell
}

func (f *frames) send(kind, flags byte, stream uint32, payload []byte) {
	f.queue(kind, flags, stream, payload)
	_ = f.out.Flush()
}

// await reads until a frame of a kind has come so many times, and returns how often it did before the connection ended.
func (f *frames) await(kind byte, times int) (came int, err error) {
	for came < times {
		got, err := readFrame(f.in)
		if err != nil {
			return came, err
		}
		if got.kind == kind {
			came++
		}
	}
	return came, nil
}

// headerBlock is a GET as HPACK has it, without a table and without Huffman (RFC 7541).
func headerBlock(path string, headers ...string) []byte {
	block := []byte{0x82, 0x86} // :method GET, :scheme http
	block = append(append(block, 0x04), hpackString(path)...)
	block = append(block, "\x01\x01x"...) // :authority x
	for i := 0; i+1 < len(headers); i += 2 {
		block = append(append(append(block, 0x00), hpackString(headers[i])...), hpackString(headers[i+1])...)
	}
	return block
}
