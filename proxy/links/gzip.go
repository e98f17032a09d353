package links

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// zippers holds writers that are not in use: each takes most of a megabyte. An answer is zipped once and read once, so the
// fastest level is best; a page grows by less than a tenth of what Spotify's own zipping makes of it.
var zippers = sync.Pool{New: func() any {
	zip, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil { // the level is a known one
		panic(err)
	}
	return zip
}}

// unzippers holds readers that are not in use.
var unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}

// isZipped tells whether a body is gzip, as far as its first two bytes tell (RFC 1952 section 2.3.1).
func isZipped(body []byte) bool { return len(body) >= 2 && body[0] == 0x1f && body[1] == 0x8b }

// zipper returns a writer into out. It goes back with freeZipper.
func zipper(out io.Writer) *gzip.Writer {
	zip := zippers.Get().(*gzip.Writer)
	zip.Reset(out)
	return zip
}

func freeZipper(zip *gzip.Writer) {
	zip.Reset(io.Discard) // it must not keep an answer alive
	zippers.Put(zip)
}

// unzip appends to dst what a whole body has been zipped from, at most limit bytes. It tells whether that was all; what is no
// gzip, or ends early, is an error.
func unzip(dst, zipped []byte, limit int) (plain []byte, all bool, err error) {
	reader := unzippers.Get().(*gzip.Reader)
	defer unzippers.Put(reader)
	if err := reader.Reset(bytes.NewReader(zipped)); err != nil {
		return dst, false, err
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := reader.Read(dst[len(dst):min(cap(dst), limit+1)])
		dst = dst[:len(dst)+n]
		switch {
		case err == io.EOF: //nolint:errorlint // a reader's end is this very value
			return dst, true, nil
		case err != nil:
			return dst, false, err
		case len(dst) > limit:
			return dst, false, nil
		}
	}
}

// SeemsWhole tells whether what has come of a body is likely to be all of it: it ends as gzip does, with the size of what was
// zipped (RFC 1952 section 2.3.1). Of other bytes, one in a thousand at most looks so, and a flush never does.
func SeemsWhole(body []byte) bool {
	const most = 100 // JSON hardly ever becomes a hundredth
	size := announcedSize(body, math.MaxUint32)
	return isZipped(body) && size > 0 && size <= most*len(body)
}

// announcedSize is what gzip says of the size of what was zipped, in bytes (RFC 1952 section 2.3.1), or limit if that is less.
// A sender may write anything there.
func announcedSize(zipped []byte, limit int) int {
	if len(zipped) < 4 {
		return 0
	}
	return int(min(int64(limit), int64(binary.LittleEndian.Uint32(zipped[len(zipped)-4:]))))
}
