package seal

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A record is compressed before it is sealed: half of it is the same in every record, and Redis keeps one for every
// browser. The length of a compressed record reveals nothing that an attacker can use: only the user can put text of their
// own beside the tokens, and only the operator sees lengths.

// maxText bounds the text of a record, in bytes. A longer one is rejected when it is written and when it is read,
// and never cut.
const maxText = 64 << 10

// ErrTooLarge says that a text is longer than 64 KiB.
var ErrTooLarge = errors.New("the record is larger than 64 KiB")

// dictionaries are the texts that records are compressed against, by the format of the record. They are part of the
// stored format: under another dictionary a record decompresses to another text without an error. So a dictionary never
// changes; a better one gets a format of its own. Each has what records have in common, the most frequent at the end
// (RFC 1951 section 2 measures distances from there).
var dictionaries = map[byte]*dictionary{
	FormatUnnamed: newDictionary(`"x":true,"o":17,"Mobile Safari/537.36 Edg/ OPR/ Version/ (iPhone; CPU iPhone OS 18_ like Mac OS X) ` +
		`(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15 ` +
		`(Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0 (Linux; Android 10; K) ` +
		`ugc-image-upload app-remote-control user-follow-modify user-follow-read user-read-playback-position ` +
		`user-top-read user-read-recently-played user-library-modify user-library-read playlist-read-collaborative ` +
		`playlist-modify-private playlist-modify-public playlist-read-private user-modify-playback-state ` +
		`user-read-currently-playing user-read-playback-state "streaming","user-read-email","user-read-private"],` +
		`"p":"https://i.scdn.co/image/ab6775700000","s":["u":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 ` +
		`(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36","z":17,"c":17,"l":17,"f":17}","r":"AQ{"i":"31","a":"","n":"","t":"BQ","e":17`),
	FormatNamed: newDictionary(`,"ended":true,"forced_at":17 Edg/ OPR/ ` +
		`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15` +
		`Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 ` +
		`Mobile/15E148 Safari/604.1Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0` +
		`(Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36` +
		`(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36` +
		`","ugc-image-upload","app-remote-control","user-follow-modify","user-follow-read","user-read-playback-position",` +
		`"user-top-read","user-read-recently-played","user-library-modify","user-library-read","playlist-read-collaborative",` +
		`"playlist-modify-private","playlist-modify-public","playlist-read-private","user-modify-playback-state",` +
		`"user-read-currently-playing","user-read-playback-state","streaming","user-read-email","user-read-private","streaming"],` +
		`"user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",` +
		`","image":"https://i.scdn.co/image/ab6775700000ee85","scopes":["user-read-private","user-read-email","streaming"],` +
		`"user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",` +
		`"authorized_at":17,"created_at":17,"last_seen_at":17,"expires_at":17,"token_expires_at":17,"refreshed_at":17,` +
		`"access_token":"BQ","refresh_token":"AQ"}{"client_id":"","user_id":"31","account_id":"31","display_name":"`),
}

// dictionary compresses texts against what they have in common. It is safe for concurrent use.
type dictionary struct {
	text        []byte
	compressors sync.Pool // of *flate.Writer
	expanders   sync.Pool // of io.ReadCloser
}

// Compact compresses a text as FormatWritten has it. A text of more than 64 KiB is ErrTooLarge.
func Compact(text []byte) ([]byte, error) { return dictionaries[FormatWritten].compact(text) }

// Expand is the inverse of Compact, for every format. What decompresses to more than 64 KiB is ErrTooLarge.
func Expand(format byte, compacted []byte) ([]byte, error) {
	return dictionaries[format].expand(compacted)
}

func newDictionary(text string) *dictionary {
	d := &dictionary{text: []byte(text)}
	d.compressors.New = func() any {
		w, err := flate.NewWriterDict(nil, flate.BestCompression, d.text)
		if err != nil { // the level is a known one
			panic(err)
		}
		return w
	}
	d.expanders.New = func() any { return flate.NewReaderDict(bytes.NewReader(nil), d.text) }
	return d
}

// compact compresses text, or answers ErrTooLarge.
func (d *dictionary) compact(text []byte) ([]byte, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrTooLarge, len(text))
	}
	var out bytes.Buffer
	w := d.compressors.Get().(*flate.Writer)
	defer d.compressors.Put(w)
	w.Reset(&out)
	_, _ = w.Write(text) // a buffer takes every write
	_ = w.Close()
	return out.Bytes(), nil
}

// expand is the inverse of compact. It answers ErrTooLarge for what decompresses to more than maxText bytes.
func (d *dictionary) expand(compacted []byte) ([]byte, error) {
	r := d.expanders.Get().(io.ReadCloser)
	defer d.expanders.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(compacted), d.text); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err == nil && len(text) > maxText {
		return nil, ErrTooLarge
	}
	return text, err
}
