package flows

import (
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
)

const (
	scriptPath = "/auth/client.js"
	typesPath  = "/auth/client.d.ts"
)

var (
	scriptEndpoint = endpoint{path: scriptPath, methods: read, serve: (*Handler).clientScript}
	typesEndpoint  = endpoint{path: typesPath, methods: read, serve: (*Handler).clientTypes}
)

// clientScript serves the ES module for frontends.
func (h *Handler) clientScript(w http.ResponseWriter, r *http.Request) error {
	return writeBody(w, r, "text/javascript; charset=utf-8", h.script)
}

// clientTypes serves the module's declarations for TypeScript.
func (h *Handler) clientTypes(w http.ResponseWriter, r *http.Request) error {
	return writeBody(w, r, "text/plain; charset=utf-8", h.types)
}

func readClient(files fs.FS, name string) ([]byte, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read the frontend client: %w", err)
	}
	return content, nil
}

// writeBody answers 200 with a body of known length.
func writeBody(w http.ResponseWriter, r *http.Request, contentType string, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = w.Write(body) // a client that left needs no answer
	return nil
}
