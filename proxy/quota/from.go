package quota

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// From says where an answer came from, as the access log's "cache" has it.
type From string

// Where answers come from.
const (
	FromHit         From = "hit"         // kept, and fresh
	FromStale       From = "stale"       // kept, and given because calls are scarce
	FromMiss        From = "miss"        // a call
	FromRevalidated From = "revalidated" // kept, and still valid, as a call has shown
	FromJoined      From = "joined"      // another request's call
	FromOff         From = "off"         // a call; nothing is kept
	FromNone        From = ""            // there is no answer
)

// cacheName begins every Cache-Status (RFC 9211 section 2).
const cacheName = "stagedoor; "

// withStatus says in an answer where it came from.
func withStatus(res *http.Response, from From, status string, err error) (*http.Response, From, error) {
	if err != nil {
		return nil, FromNone, err
	}
	values, usual := usualStatus[status]
	if !usual {
		values = []string{cacheName + status}
	}
	res.Header["Cache-Status"] = values
	return res, from, nil
}

// usualStatus has the header values of most answers, which are not made anew for each. They must not be changed.
var usualStatus = map[string][]string{}

func init() {
	for _, status := range []string{
		"hit", "hit; detail=stale", "fwd=bypass", "fwd=method", "fwd=uri-miss", "fwd=vary-miss", "fwd=request", "fwd=stale",
		"fwd=stale; fwd-status=304", "fwd=stale; fwd-status=200", "fwd=uri-miss; collapsed", "fwd=stale; collapsed",
	} {
		usualStatus[status] = []string{cacheName + status}
	}
}

// missStatus says why a request needs a call (RFC 9211 section 2.2).
func (a *Ask) missStatus(found *kept, now time.Time) string {
	switch {
	case a.Request.Header.Get("Range") != "":
		return "fwd=bypass" // what is kept serves whole answers alone
	case found == nil && a.varied:
		return "fwd=vary-miss"
	case found == nil:
		return "fwd=uri-miss"
	case found.isFresh(now, directives{maxAge: -1, minFresh: -1, maxStale: -1}): // but not for this request
		return "fwd=request"
	default:
		return "fwd=stale"
	}
}

// neverSent tells whether a call was not made at all.
func neverSent(err error) bool {
	var limited *LimitedError
	return errors.As(err, &limited)
}

// drain reads an answer to its end, so that it is kept, and closes it.
func drain(res *http.Response) {
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}
