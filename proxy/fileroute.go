package proxy

import (
	"errors"
	"io/fs"
	"net/http"
	"slices"

	"stagedoor/httperror"
	"stagedoor/proxy/files"
)

// fileRoute serves a folder of files.
type fileRoute struct{ files *files.Server }

func newFileRoute(route Route) (fileRoute, error) {
	content := route.FS
	if content == nil {
		folder, err := files.OpenFolder(route.Files)
		if err != nil {
			return fileRoute{}, err
		}
		content = folder
	}
	return fileRoute{files.New(content, normalPrefix(route.Path), route.Fallback)}, nil
}

func (f fileRoute) serve(w *responseWriter, r *http.Request, _ *exchange) {
	w.set("X-Content-Type-Options", "nosniff")
	if !slices.Contains(files.Methods, r.Method) {
		refuseMethod(w, r, files.Methods)
		return
	}
	err := f.files.Serve(w, r)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		httperror.Write(w, r, httperror.New(httperror.PathRefused, "There is no file at this path.", err))
	case err != nil:
		httperror.Write(w, r, err)
	}
}
