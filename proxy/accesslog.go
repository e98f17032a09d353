package proxy

import (
	"cmp"
	"errors"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"stagedoor/internal/httperror"
	"stagedoor/proxy/policy"
	"stagedoor/secret"
	"stagedoor/session"
)

// maxLogged bounds each part of an access line that a client can influence, in bytes.
const maxLogged = 512

// maxLoggedMethod does so for methods, of which all real ones are short.
const maxLoggedMethod = 16

// accessFields is how many fields an access line has at most.
const accessFields = 16

// accessFieldPool holds buffers for the fields of a line: no core keeps them after the line was written.
var accessFieldPool = sync.Pool{New: func() any { return new([accessFields]zap.Field) }}

// statusClientLeft is what the log says of a request when its client left before there was an answer. No client ever
// sees it; the number is nginx's.
const statusClientLeft = 499

// finalStatus is the status by which a request is remembered.
func finalStatus(w *responseWriter, x *exchange) int {
	if x.left {
		return statusClientLeft
	}
	return w.status
}

// logAccess writes the request's one access line.
func (g *Gateway) logAccess(w *responseWriter, x *exchange) {
	status := finalStatus(w, x)
	reason, cause := "", cmp.Or(x.brokenOff, w.failed)
	if x.rejection != nil {
		reason = x.rejection.Reason
		if x.rejection.Cause != nil {
			cause = x.rejection.Cause
		}
	}
	line := g.log.Check(accessLevel(status, reason, x.brokenOff), "request")
	if line == nil {
		return
	}
	if x.session == "" {
		x.session = g.sessions.Label(x.request)
	}
	buffer := accessFieldPool.Get().(*[accessFields]zap.Field)
	defer accessFieldPool.Put(buffer)
	defer clear(buffer[:]) // it must not keep this request's words alive
	fields := append(buffer[:0],
		zap.String("request_id", x.id),
		zap.String("method", bounded(x.request.Method, maxLoggedMethod)),
		zap.String("route", x.route),
		zap.String("path", bounded(x.request.URL.EscapedPath(), maxLogged)),
		zap.Int("status", status),
		zap.String("reason", reason),
		zap.Int64("bytes", w.bytes),
		zap.Float64("duration_ms", milliseconds(x.took)),
		zap.Float64("upstream_ms", milliseconds(x.upstream)),
		zap.String("client_ip", x.peer.String()),
		zap.String("session", x.session))
	if x.cache != "" {
		fields = append(fields, zap.String("cache", string(x.cache)))
	}
	if x.live {
		fields = append(fields, zap.Int("events", x.events))
	}
	if trace := cmp.Or(x.span.TraceID(), policy.TraceID(x.request.Header)); trace != "" {
		fields = append(fields, zap.String("trace_id", trace))
	}
	if ended, is := errors.AsType[*session.EndedError](cause); is {
		fields = append(fields, zap.Stringer("session_end", ended.Reason))
	}
	if cause != nil {
		fields = append(fields, zap.String("error", bounded(secret.WithoutQuotations(cause.Error()), maxLogged)))
	}
	line.Write(fields...)
}

// accessLevel is the level of a line: error for what only the operator can mend, warning
// for outages. What an upstream answers is not an error of the gateway's, whatever its status.
func accessLevel(status int, reason string, brokenOff error) zapcore.Level {
	switch {
	case status == statusClientLeft:
		return zap.DebugLevel
	case reason == httperror.InternalError || reason == httperror.ClientMisconfigured:
		return zap.ErrorLevel
	case reason == httperror.Maintenance: // as its operator wants it
		return zap.InfoLevel
	case reason != "" && status >= http.StatusInternalServerError, brokenOff != nil:
		return zap.WarnLevel
	default:
		return zap.InfoLevel
	}
}

// bounded cuts text to at most size bytes and marks the cut. The encoders escape what is not printable.
func bounded(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return text[:size] + "…"
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
