package files

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"stagedoor/proxy/policy"
)

// packings are the content codings that a build may leave beside a file, by the ending of their names; the shorter result
// comes first.
var packings = []struct{ coding, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

// openFile is a file while it is sent.
type openFile struct {
	io.ReadSeeker
	file    fs.File
	info    fs.FileInfo // of when it was opened
	changed bool
}

var errFileChanged = errors.New("the file changed while it was sent")

// Read implements io.Reader. It ends when the file no longer is the one of the validator that was sent.
func (o *openFile) Read(p []byte) (int, error) {
	n, err := o.ReadSeeker.Read(p)
	stamp, stamped := stampOf(o.info)
	if n == 0 || !stamped {
		return n, err
	}
	info, statErr := o.file.Stat()
	if statErr != nil {
		return 0, statErr
	}
	if now, _ := stampOf(info); now.size != stamp.size || now.modified != stamp.modified { // a new link to it changes the rest
		o.changed = true
		return 0, errFileChanged
	}
	return n, err
}

// Close closes the file. An error does not matter: the file was only read.
func (o *openFile) Close() { _ = o.file.Close() }

// openRegular opens a file that is one. Anything else does not exist: a pipe would never end.
func (f *Server) openRegular(name string) (*openFile, error) {
	info, err := fs.Stat(f.files, name)
	if err != nil {
		return nil, missing(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	file, err := f.files.Open(name)
	if err != nil {
		return nil, missing(err)
	}
	o := &openFile{file: file}
	if o.info, err = file.Stat(); err == nil {
		o.ReadSeeker, err = seekable(file)
	}
	if err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func seekable(file fs.File) (io.ReadSeeker, error) {
	if content, ok := file.(io.ReadSeeker); ok {
		return content, nil
	}
	content, err := io.ReadAll(file)
	return bytes.NewReader(content), err
}

// send answers with a file, or with what the build has packed of it, conditions and ranges included. The validator is made of
// the bytes that are sent. There is no Last-Modified: browsers would compare it, and cache a file longer the older it seems.
func (f *Server) send(w http.ResponseWriter, r *http.Request, name string) error {
	file, err := f.openRegular(name)
	if err != nil {
		return err
	}
	defer file.Close()
	kind, err := contentType(name, file)
	if err != nil {
		return err
	}
	coding, packed, offered, err := f.openPacked(r, name)
	if err != nil {
		return err
	}
	tag := ""
	if packed != nil {
		defer packed.Close()
		file, tag = packed, "-"+coding
		if strings.Contains(r.Header.Get("Range"), ",") { // a multipart answer is not packed as a whole; RFC 9110 section 14.2 allows it
			r.Header.Del("Range")
		}
		w = packedWriter{w, coding}
		name += packingOf(coding)
	}
	text, err := f.digests.of(name, file.ReadSeeker, file.info)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Etag", `"`+text+tag+`"`)
	if offered {
		policy.AddVary(h, "Accept-Encoding")
	}
	if strings.HasPrefix(kind, "text/html") {
		h.Set("Cache-Control", "no-cache") // it names the scripts of one build
	}
	http.ServeContent(w, r, "", time.Time{}, file)
	if file.changed {
		panic(http.ErrAbortHandler) // rather than two halves of two files under one validator
	}
	return nil
}

// openPacked opens what the client likes best of the files that are packed beside one; nil when it is the file itself.
// Offered tells whether there was a choice. Whether a packed file is of this build cannot be known: it counts that it is there.
func (f *Server) openPacked(r *http.Request, name string) (coding string, packed *openFile, offered bool, err error) {
	var codings []string
	for _, p := range packings {
		if info, err := fs.Stat(f.files, name+p.ending); err == nil && info.Mode().IsRegular() {
			codings = append(codings, p.coding)
		}
	}
	coding = policy.ChooseCoding(r.Header["Accept-Encoding"], codings)
	if coding == "" {
		return "", nil, len(codings) > 0, nil
	}
	packed, err = f.openRegular(name + packingOf(coding))
	if errors.Is(err, fs.ErrNotExist) { // gone since, or unreadable
		return "", nil, true, nil
	}
	return coding, packed, true, err
}

func packingOf(coding string) string {
	for _, p := range packings {
		if p.coding == coding {
			return p.ending
		}
	}
	return ""
}

// packedWriter names the coding of a content that is sent packed. http.ServeContent would leave out the length if it stood
// there before, and errors are not packed.
type packedWriter struct {
	http.ResponseWriter
	coding string
}

// WriteHeader implements http.ResponseWriter.
func (w packedWriter) WriteHeader(status int) {
	if status == http.StatusOK || status == http.StatusPartialContent {
		w.Header().Set("Content-Encoding", w.coding)
	}
	w.ResponseWriter.WriteHeader(status)
}

// sniffed is how many bytes http.DetectContentType reads.
const sniffed = 512

// contentType tells the type of a file by its name, or else by its begin, and leaves it at its begin.
func contentType(name string, file io.ReadSeeker) (string, error) {
	extension := path.Ext(name)
	if extension == ".webmanifest" { // unknown to package mime
		return "application/manifest+json", nil
	}
	if kind := mime.TypeByExtension(extension); kind != "" {
		return kind, nil
	}
	var begin [sniffed]byte
	n, err := io.ReadFull(file, begin[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	_, err = file.Seek(0, io.SeekStart)
	return http.DetectContentType(begin[:n]), err
}
