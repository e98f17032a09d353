package quota

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stagedoor/proxy/policy"
)

// ErrNotCached says that a request wants only a cached answer ("only-if-cached", RFC 9111 section 5.2.1.7), and there is none.
var ErrNotCached = errors.New("nothing is kept for this request")

// Ask is one request of a client that is to be answered by Spotify, or from the cache.
type Ask struct {
	// Owner is the record key of the session or account that gets the answer.
	Owner string
	// Grant distinguishes the authorizations of one owner: an account may be connected anew, as another user. May be empty.
	Grant string
	// Session names the session that the call counts for, in its share of the budget; empty for none.
	Session string
	// Route distinguishes the routes to the same upstream path: their answers have different links.
	Route string
	// Request is what Spotify would get, but for Authorization. Its URL is a part of what is asked, with its query.
	Request *http.Request
	// Client is the header that the client sent. Its Cache-Control, Pragma, Priority and Sec-Purpose matter here.
	Client http.Header
	// Reuse is how long the answer serves as fresh although Spotify does not say so; zero for not at all.
	Reuse time.Duration

	varied    bool   // what is kept for the address answers requests with another header
	addressed string // what address returns; empty before
}

// Send makes the call for an Ask, with these conditions instead of the client's when there are any. It waits for its turn
// (see Limiter) and returns the answer as it goes to the client. It is called at most once for each call of Do, possibly
// in another goroutine and with a context that outlives the request's.
type Send func(ctx context.Context, conditions http.Header, turn Turn) (*http.Response, error)

// rules are the Cache-Control of the client.
func (a *Ask) rules() directives {
	d := parseDirectives(a.Client)
	d.noCache = d.noCache || d.noStore // a client that lets nothing be kept wants nothing that was kept
	return d
}

// urgency is what the client says about its request (RFC 9218 section 4.1, and the Fetch standard's Sec-Purpose).
func (a *Ask) urgency() Priority {
	if a.isWrite() {
		return PriorityWrite
	}
	if strings.Contains(a.Client.Get("Sec-Purpose"), "prefetch") {
		return PriorityLow
	}
	var buffer [4]policy.Directive
	for _, said := range policy.ParseDirectives(buffer[:0], a.Client["Priority"]) {
		if said.Name != "u" {
			continue
		}
		if u, err := strconv.Atoi(said.Argument); err == nil && u >= 5 && u <= 7 {
			return PriorityLow
		}
	}
	return PriorityRead
}

// isWrite tells whether the request may change something.
func (a *Ask) isWrite() bool {
	return a.Request.Method != http.MethodGet && a.Request.Method != http.MethodHead
}

// hasBody tells whether the request has a body. RFC 9110 section 9.3.1 gives the body of a GET no meaning, so it
// cannot be said that two of them ask for the same.
func (a *Ask) hasBody() bool { return a.Request.Body != nil && a.Request.Body != http.NoBody }

func (a *Ask) turn() Turn {
	return Turn{Priority: a.urgency(), Session: a.Session, Bucket: bucketOf(a.Request), Repeatable: !a.isWrite()}
}

// address is what is asked, whatever the header of the request says.
func (a *Ask) address() string {
	if a.addressed == "" {
		a.addressed = a.Route + " " + a.Grant + " " + a.Request.URL.RequestURI()
	}
	return a.addressed
}

// sameAsk are the request headers in which requests that share a call must agree.
var sameAsk = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "Range", "If-None-Match", "If-Modified-Since",
}

// usualSame is how long the values of sameAsk seldom exceed, in bytes.
const usualSame = 128

// joinKey is equal for requests that may share one call.
func (a *Ask) joinKey() string {
	var key strings.Builder
	key.Grow(len(a.address()) + usualSame)
	key.WriteString(a.address())
	for _, name := range sameAsk {
		key.WriteByte('\n')
		for _, value := range a.Request.Header[name] {
			key.WriteString(value)
			key.WriteByte(',')
		}
	}
	return key.String()
}
