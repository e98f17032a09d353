package attack

import (
	wire "encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// The types and flags of HTTP/2 frames that are spoken here (RFC 9113 section 6).
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway, frameContinuation = 0, 1, 3, 4, 7, 9

	endStream, endHeaders = 0x1, 0x4

	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	frameSize    = 16 << 10 // the largest payload that every peer takes
)

// sendFrames sends a request as HTTP/2, with frames made by hand: a real client refuses to send most of what is tried.
// The pseudo fields are made of the request, unless it is bare.
func (w way) sendFrames(t testing.TB, r request) []stage.Answer {
	t.Helper()
	fields := make([]field, 0, len(r.header)+4)
	if !r.bare {
		scheme, authority, _ := strings.Cut(w.origin, "://")
		fields = append(fields, field{":method", r.method}, field{":scheme", scheme},
			field{":authority", stage.Or(r.host, authority)}, field{":path", r.target})
	}
	for _, f := range r.header {
		if !r.bare {
			f.name = strings.ToLower(f.name)
		}
		fields = append(fields, f)
	}
	connection := w.dial(t)
	defer func() { _ = connection.Close() }()
	sent := http2Preface + frame(frameSettings, 0, 0, "") + headerFrames(fields, r.body == "")
	if r.body != "" {
		sent += frame(frameData, endStream, 1, r.body)
	}
	go func() { _, _ = io.WriteString(connection, sent) }() // the gateway may have heard enough before the end
	got, err := readFrames(connection)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: neither an answer nor an end after %.200q", w.name, sent)
	}
	if got.Status == 0 {
		return nil
	}
	return []stage.Answer{got}
}

// frame makes a frame.
func frame(kind, flags byte, stream uint32, payload string) string {
	head := wire.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return string(wire.BigEndian.AppendUint32(append(head, flags), stream)) + payload
}

// headerFrames makes a HEADERS frame of stream 1, and CONTINUATION frames when it is too long for one.
func headerFrames(fields []field, last bool) string {
	block, text := "", ""
	for _, f := range fields {
		block += "\x00" + hpackString(f.name) +
			hpackString(f.value) // a literal field without indexing, RFC 7541 section 6.2.2
	}
	kind, flags := byte(frameHeaders), byte(0)
	if last {
		flags = endStream
	}
	for len(block) > frameSize {
		text += frame(kind, flags, 1, block[:frameSize])
		block, kind, flags = block[frameSize:], frameContinuation, 0
	}
	return text + frame(kind, flags|endHeaders, 1, block)
}

// hpackString is a string literal without Huffman's code (RFC 7541 section 5.2).
func hpackString(s string) string {
	if len(s) < 127 {
		return string([]byte{byte(len(s))}) + s
	}
	length := []byte{127}
	for rest := len(s) - 127; ; rest >>= 7 {
		if rest < 128 {
			return string(append(length, byte(rest))) + s
		}
		length = append(length, byte(rest&127|128))
	}
}

// frameRead is a frame that came.
type frameRead struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

func (f frameRead) String() string {
	return fmt.Sprintf("type %d, flags %x, stream %d, %d bytes", f.kind, f.flags, f.stream, len(f.payload))
}

func readFrame(from io.Reader) (frameRead, error) {
	var head [9]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return frameRead{}, err
	}
	got := frameRead{kind: head[3], flags: head[4], stream: wire.BigEndian.Uint32(head[5:])}
	got.payload = make([]byte, wire.BigEndian.Uint32(head[:4])>>8)
	_, err := io.ReadFull(from, got.payload)
	return got, err
}

// readFrames reads what is answered on stream 1: a status and a body, or nothing when the stream or the connection ends.
func readFrames(connection net.Conn) (stage.Answer, error) {
	var got stage.Answer
	for {
		f, err := readFrame(connection)
		if err != nil {
			return got, err
		}
		switch {
		case f.kind == frameGoAway && wire.BigEndian.Uint32(f.payload[4:]) != 0, f.kind == frameReset:
			return got, nil
		case f.stream != 1:
		case f.kind == frameHeaders && got.Status < http.StatusOK: // not a trailer
			got.Status = hpackStatus(f.payload)
		case f.kind == frameData:
			got.Body += string(f.payload)
		}
		if f.stream == 1 && (f.kind == frameHeaders || f.kind == frameData) && f.flags&endStream != 0 {
			return got, nil
		}
	}
}

// staticStatuses are those of RFC 7541 appendix A, from index 8 on.
var staticStatuses = []int{200, 204, 206, 304, 400, 404, 500}

// hpackStatus reads :status, which comes first, from a header block: as an index, or as a literal whose name is an index
// (RFC 7541 section 6). It returns -1 for what it cannot read.
func hpackStatus(block []byte) int {
	for len(block) > 0 && block[0]&0xe0 == 0x20 { // a change of the table's size, which concerns us not
		block = block[1:]
	}
	if len(block) > 0 && block[0] >= 0x88 && block[0] <= 0x8e {
		return staticStatuses[block[0]-0x88]
	}
	if len(block) < 2 || block[0]&^0x4f != 0 || block[0]&0x0f < 8 || block[0]&0x0f > 14 {
		return -1
	}
	length := int(block[1] & 0x7f)
	if len(block) < 2+length {
		return -1
	}
	text := block[2 : 2+length]
	if block[1]&0x80 != 0 {
		text = huffmanDigits(text)
	}
	status := 0
	for _, digit := range text {
		status = 10*status + int(digit-'0')
	}
	return status
}

// huffmanDigits decodes three digits (RFC 7541 appendix B): 0 to 2 have five bits, 3 to 9 have six, 0x19 to 0x1f.
func huffmanDigits(coded []byte) []byte {
	bits, digits := uint64(0), make([]byte, 0, 3)
	for i := range 8 {
		bits <<= 8
		if i < len(coded) {
			bits |= uint64(coded[i])
		}
	}
	for len(digits) < 3 {
		if five := bits >> 59; five <= 2 {
			digits, bits = append(digits, '0'+byte(five)), bits<<5
			continue
		}
		digits, bits = append(digits, '3'+byte(bits>>58)-0x19), bits<<6
	}
	return digits
}
