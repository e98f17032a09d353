package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
)

const (
	// maxBody is more than any documented request needs; beyond it the simulator answers 413.
	maxBody = 1 << 20
	// rememberedBody is how much of a body Seen keeps.
	rememberedBody = 4 << 10
)

// request is a request whose body has been read.
type request struct {
	*http.Request
	body []byte
	// outcome is set by the token endpoint, for the counts.
	outcome string
}

// exchange records the request, lets a fault meet it, and answers.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, side Side, next func(http.ResponseWriter, *request)) {
	body, readErr := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	req := &request{Request: r, body: body}
	seen := s.describe(req, side)
	fault := s.faults.take(seen) // before the log shows the request, so that clearing the fault then ends it
	s.journal.begin(seen)
	out := &recordingWriter{ResponseWriter: w, record: func(status int) { s.finish(req, seen, fault, status) }}
	defer out.finish(0) // for answers that never were: a client that left, a fault that cuts the connection by a panic
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(readErr, &tooLarge):
		errorReply(http.StatusRequestEntityTooLarge, "The request body is too large").write(out, r)
	case readErr != nil: // the client left in the middle of its body: there is no one to answer
	case fault != nil:
		s.suffer(out, req, fault, next)
	default:
		next(out, req)
	}
}

// finish completes the log's entry.
func (s *Server) finish(r *request, seen *Seen, fault *planted, status int) {
	name := ""
	if fault != nil {
		name = fault.Name
	}
	if r.outcome == "" && seen.Grant != "" {
		r.outcome = outcomeUntouched
	}
	final := s.journal.finish(seen, status, r.outcome, name)
	if s.options.Log != nil {
		s.options.Log(final)
	}
}

// describe makes the log's entry.
func (s *Server) describe(r *request, side Side) *Seen {
	seen := &Seen{
		At: s.now(), Side: side, Method: r.Method, Target: r.RequestURI, Host: r.Host, Proto: r.Proto,
		Header: r.Header.Clone(), ContentLength: r.ContentLength,
		Body: string(r.body[:min(len(r.body), rememberedBody)]), BodySize: len(r.body),
	}
	if seen.Target == "" { // a request that no server read
		seen.Target = r.URL.RequestURI()
	}
	if len(r.body) > 0 {
		sum := sha256.Sum256(r.body)
		seen.BodySHA256 = hex.EncodeToString(sum[:])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if side == SideAPI {
		if token, ok := s.accounts.access[bearerOf(r.Header)]; ok {
			seen.Token, seen.Client = token.label, token.client
		}
	} else if r.URL.Path == "/api/token" {
		form, _ := url.ParseQuery(string(r.body)) // what can be read of it
		seen.Grant = form.Get("grant_type")
		if token, ok := s.accounts.refresh[form.Get("refresh_token")]; ok {
			seen.Token = token.label
		} else if code, ok := s.accounts.codes[form.Get("code")]; ok {
			seen.Token = code.label
		}
	}
	return seen
}

// recordingWriter records the status before the client can read it, so that a test that has an answer finds it in the log.
type recordingWriter struct {
	http.ResponseWriter
	record   func(status int)
	recorded bool
}

// finish records the status, once.
func (w *recordingWriter) finish(status int) {
	if !w.recorded {
		w.recorded = true
		w.record(status)
	}
}

func (w *recordingWriter) WriteHeader(status int) {
	if status >= 200 {
		w.finish(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recordingWriter) Write(p []byte) (int, error) {
	w.finish(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *recordingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
