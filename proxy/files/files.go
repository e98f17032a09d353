// Package files serves a folder of files, such as the build of a frontend, by what the files hold: no modification time is believed.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"stagedoor/proxy/policy"
)

// Methods are those that files take.
var Methods = []string{http.MethodGet, http.MethodHead}

// indexPage answers for its folder.
const indexPage = "index.html"

// Server serves a folder: no listings, no hidden files, nothing outside. It is safe for concurrent use.
type Server struct {
	prefix   string // without the slash at its end
	files    fs.FS
	fallback string // empty: none
	digests  digests
}

// New makes the server of a folder below a path prefix, which has no slash at its end. The fallback is the file that answers for
// paths that no file has; empty means none.
func New(files fs.FS, prefix, fallback string) *Server {
	return &Server{prefix: prefix, files: files, fallback: fallback, digests: digests{now: time.Now}}
}

// Serve answers a request with one of Methods, or returns an error and has sent nothing. fs.ErrNotExist says that no file has
// the path.
func (f *Server) Serve(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, f.prefix), "/")
	err := f.open(w, r, strings.TrimSuffix(name, "/"), name == "" || strings.HasSuffix(name, "/"))
	if errors.Is(err, fs.ErrNotExist) && f.wantsPage(r, name) {
		return f.send(w, r, f.fallback)
	}
	return err
}

// wantsPage tells whether a path that no file has belongs to a single-page app, which has its router in the fallback. A
// missing script or image is not answered with a page.
func (f *Server) wantsPage(r *http.Request, name string) bool {
	if f.fallback == "" || Hidden(name) {
		return false
	}
	return path.Ext(strings.TrimSuffix(name, "/")) == "" || policy.ContainsFold(strings.Join(r.Header["Accept"], ","), "text/html")
}

// open sends the file of a name, or the index page of a folder. A file that must not be served does not exist.
func (f *Server) open(w http.ResponseWriter, r *http.Request, name string, asFolder bool) error {
	if name == "" {
		name = "."
	}
	if !fs.ValidPath(name) || Hidden(name) || strings.ContainsAny(name, "\\\x00") {
		return fs.ErrNotExist
	}
	info, err := fs.Stat(f.files, name)
	switch {
	case err != nil:
		return missing(err)
	case !info.IsDir() && asFolder:
		return fs.ErrNotExist
	case !info.IsDir():
		return f.send(w, r, name)
	}
	index := path.Join(name, indexPage)
	if _, err := fs.Stat(f.files, index); err != nil {
		return missing(err)
	}
	if !strings.HasSuffix(r.URL.Path, "/") {
		return redirectToFolder(w, r)
	}
	return f.send(w, r, index)
}

// redirectToFolder adds the slash that the page's relative links need. The Location is relative, so
// that it cannot leave the site.
func redirectToFolder(w http.ResponseWriter, r *http.Request) error {
	location := "./" + url.PathEscape(path.Base(r.URL.Path)) + "/"
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
	return nil
}

// Hidden tells whether a segment begins with a dot, as files of editors, version control and secrets do. RFC 8615 reserves
// .well-known for the public.
func Hidden(name string) bool {
	for segment := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(segment, ".") && segment != "." && segment != ".well-known" {
			return true
		}
	}
	return false
}

// missing makes "does not exist" of every error about the file: a visitor can cause most of them, by a name that is too
// long, a way through a file, or a link that leads outside. A process without free file descriptors is another matter.
func missing(err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
}

// OpenFolder returns the files of a folder of the operating system, which must exist.
func OpenFolder(path string) (fs.FS, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("files: %w; build the frontend first, or correct the path", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("files: %s is not a folder", path)
	}
	return folder(path), nil
}

// folder is a folder of the operating system that no link leads out of. It is opened anew for every file, because a
// build may replace it.
type folder string

var _ fs.StatFS = folder("")

// Open implements fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // the file stays open
	return root.Open(name)
}

// Stat implements fs.StatFS. It opens nothing, so that a pipe cannot block it.
func (f folder) Stat(name string) (fs.FileInfo, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // it was only read
	return root.Stat(name)
}
