package attack

import (
	"bytes"
	wire "encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestHTTP2Floods opens streams and resets them at once (CVE-2023-44487), sends headers without an end (CVE-2023-45288),
// keeps windows closed, and sends frames that are too large. Others go on.
func TestHTTP2Floods(t *testing.T) {
	stage.OnlyLong(t, "floods of frames")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Pprof: true, Server: "max_streams: 100\nwrite_stall_timeout: 1s\n"})
	b := newBystander(t, w)
	before := b.p.Footprint()
	for _, attack := range []struct {
		name string
		run  func(flooding)
	}{
		{"rapid reset", rapidReset}, {"CONTINUATION flood", continuationFlood}, {"closed windows", closedWindows},
		{"large frames", largeFrames},
	} {
		flood := flooding{newAttacks(t, attack.name), b.p.Public()}
		b.measure(t, attack.name, func() { attack.run(flood) })
	}
	sessiontest.Eventually(t, stage.StartTime, "the gateway has forgotten the floods", func() bool {
		now := b.p.Footprint()
		return now.Goroutines < before.Goroutines+50 && now.Descriptors < before.Descriptors+50
	})
	if now := b.p.Footprint(); now.PeakMiB > before.ResidentMiB+200 {
		t.Errorf("the gateway took up to %d MiB, and %d before", now.PeakMiB, before.ResidentMiB)
	}
}

// flooding is an attack with frames.
type flooding struct {
	*attacks
	address string
}

// open connects; nil is a connection that could not be made.
func (f flooding) open(window uint32) *frames {
	opened, err := openFrames(f.address, window)
	if err != nil {
		f.expect(false, "no connection: %v", err)
	}
	return opened
}

// cut wants the connection to be ended by the gateway.
func (f flooding) cut(opened *frames, otherwise string) {
	_, err := opened.await(frameGoAway, 2) // there is at most one
	f.expect(err != nil && !errors.Is(err, os.ErrDeadlineExceeded), "%s: %v", otherwise, err)
}

// rapidReset has 10,000 streams, never more than one at a time by the client's count. The server counts their handlers.
func rapidReset(flood flooding) {
	f := flood.open(65535)
	if f == nil {
		return
	}
	defer func() { _ = f.Close() }()
	flood.expect(f.settings[settingMaxStreams] == 100, "%d streams are allowed, want 100", f.settings[settingMaxStreams])
	block := headerBlock("/")
	go func() {
		for n := range uint32(underRace(10_000, 1_000)) {
			f.queue(frameHeaders, endHeaders|endStream, 2*n+1, block)
			f.queue(frameReset, 0, 2*n+1, []byte{0, 0, 0, 8})
		}
		_ = f.out.Flush()
		_ = f.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	flood.cut(f, "the connection is still open")
}

// continuationFlood sends headers of 16 MiB, of which no frame is the last.
func continuationFlood(flood flooding) {
	fillers := []string{strings.Repeat("a", 100), ""}
	atOnce(len(fillers), func(n int) {
		f := flood.open(65535)
		if f == nil {
			return
		}
		defer func() { _ = f.Close() }()
		piece := bytes.Repeat(headerBlock("/", "x-flood", fillers[n])[7:], 100)
		f.send(frameHeaders, 0, 1, headerBlock("/"))
		go func() {
			for range 16 << 20 / len(piece) {
				f.queue(frameContinuation, 0, 1, piece)
			}
			_ = f.out.Flush()
		}()
		flood.cut(f, "headers without an end are taken")
	})
}

// closedWindows asks for more than fits, and takes nothing of any answer: each stream must be cut, with nothing to end it on
// the connection, which lives.
func closedWindows(flood flooding) {
	f := flood.open(0)
	if f == nil {
		return
	}
	defer func() { _ = f.Close() }()
	const streams = 100
	for n := range uint32(streams) {
		f.queue(frameHeaders, endHeaders|endStream, 2*n+1, headerBlock("/"))
	}
	_ = f.out.Flush()
	came, err := f.await(frameReset, streams)
	for n := range streams {
		flood.expect(n < came, "a stream with a closed window lives on: %v", err)
	}
	// The connection is as good as before.
	f.send(frameSettings, 0, 0, wire.BigEndian.AppendUint32([]byte{0, settingWindow}, 65535))
	f.send(frameHeaders, endHeaders|endStream, 2*streams+1, headerBlock("/"))
	came, err = f.await(frameData, 1)
	flood.expect(came == 1, "no answer after the windows are open: %v", err)
}

// largeFrames sends what is larger than the gateway has said that it takes.
func largeFrames(flood flooding) {
	kinds := []byte{frameData, frameHeaders, 0xff}
	atOnce(len(kinds), func(n int) {
		f := flood.open(65535)
		if f == nil {
			return
		}
		defer func() { _ = f.Close() }()
		flood.expect(f.settings[settingMaxFrame] == 16<<10, "frames of %d bytes are allowed, want 16384", f.settings[settingMaxFrame])
		go f.send(kinds[n], endHeaders, 1, make([]byte, 1<<20))
		flood.cut(f, "a frame of 1 MiB is taken")
	})
}
