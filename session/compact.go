package session

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// A record is compressed before it is sealed: half of it is the same in every record, and Redis keeps one for every
// browser. What its length tells about its text is no help against anybody: nobody but the user can put text of their
// own beside the tokens, and only the operator sees lengths.

// dictionary holds what records have in common, the most frequent at the end (RFC 1951 needs no more of it).
const dictionary = `"x":true,"o":17,"Mobile Safari/537.36 Edg/ OPR/ Version/ (iPhone; CPU iPhone OS 18_ like Mac OS X) ` +
	`(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15 ` +
	`(Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0 (Linux; Android 10; K) ` +
	`ugc-image-upload app-remote-control user-follow-modify user-follow-read user-read-playback-position ` +
	`user-top-read user-read-recently-played user-library-modify user-library-read playlist-read-collaborative ` +
	`playlist-modify-private playlist-modify-public playlist-read-private user-modify-playback-state ` +
	`user-read-currently-playing user-read-playback-state "streaming","user-read-email","user-read-private"],` +
	`"p":"https://i.scdn.co/image/ab6775700000","s":["u":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 ` +
	`(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36","z":17,"c":17,"l":17,"f":17}","r":"AQ{"i":"31","a":"","n":"","t":"BQ","e":17`

// maxRecord bounds what a record may unfold to, in bytes.
const maxRecord = 64 << 10

var (
	compressors = sync.Pool{New: func() any {
		w, err := flate.NewWriterDict(nil, flate.BestCompression, []byte(dictionary))
		if err != nil { // the level is a known one
			panic(err)
		}
		return w
	}}
	expanders = sync.Pool{New: func() any { return flate.NewReaderDict(bytes.NewReader(nil), []byte(dictionary)) }}
)

// compact compresses text.
func compact(text []byte) []byte {
	var out bytes.Buffer
	w := compressors.Get().(*flate.Writer)
	defer compressors.Put(w)
	w.Reset(&out)
	_, _ = w.Write(text) // a buffer takes every write
	_ = w.Close()
	return out.Bytes()
}

// expand is the inverse of compact.
func expand(compacted []byte) ([]byte, error) {
	r := expanders.Get().(io.ReadCloser)
	defer expanders.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(compacted), []byte(dictionary)); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxRecord))
}
