package proxy

import (
	"errors"
	"io/fs"
	"net/http"
	"slices"

	"stagedoor/internal/httperror"
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

func (f fileRoute) serve(w *responseWriter, r *http.Request, _ *exchange) error {
	w.set("X-Content-Type-Options", "nosniff")
	if !slices.Contains(files.Methods, r.Method) {
		return rejectMethod(files.Methods)
	}
	err := f.files.Serve(w, r)
	if errors.Is(err, fs.ErrNotExist) {
		return httperror.New(httperror.PathRefused, "There is no file at this path.", err)
	}
	return err
}
