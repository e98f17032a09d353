package quota

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// kept is one answer as it goes to the client: its links rewritten, and compressed as it was sent. It is never changed;
// a renewal makes another one.
type kept struct {
	status  int
	header  []string // name, value, name, value, …
	trailer []string
	body    []byte
	vary    []string // name, value, …: the request headers that the answer depends on (RFC 9111 section 4.1)
	zipped  bool     // only for clients that take gzip
	rules   directives
	fresh   time.Duration // the freshness lifetime that the answer gave itself; zero when it gave none
	reuse   time.Duration // the freshness that the operator gave
	arrived time.Time     // when the answer arrived, or was last found to be still so
	aged    time.Duration // its age when it arrived (RFC 9111 section 4.2.3)
	etag    string
	changed string // Last-Modified
	// keepable is false for an answer that is shared while it arrives, and then forgotten.
	keepable bool
}

// keptStatus are the statuses that are kept. Those with true need a freshness lifetime of their own to be.
var keptStatus = map[int]bool{
	http.StatusOK: false, http.StatusNonAuthoritativeInfo: false, http.StatusNoContent: false,
	http.StatusMovedPermanently: true, http.StatusPermanentRedirect: true, http.StatusNotFound: true, http.StatusGone: true,
}

// newKept makes of the head of an answer what is shared and, if keepable, kept; the body comes later.
func newKept(ask *Ask, res *http.Response, arrived time.Time, took time.Duration) *kept {
	k := &kept{
		status: res.StatusCode, header: flat(res.Header), rules: parseDirectives(res.Header), arrived: arrived,
		etag: res.Header.Get("Etag"), changed: res.Header.Get("Last-Modified"), reuse: ask.Reuse,
		zipped: res.Header.Get("Content-Encoding") != "", aged: initialAge(res.Header, arrived, took),
	}
	k.fresh = lifetime(res.Header, k.rules)
	k.keepable = k.mayBeKept(ask, res.Header)
	return k
}

// mayBeKept tells whether an answer may be stored (RFC 9111 section 3), and records what it varies with.
func (k *kept) mayBeKept(ask *Ask, answer http.Header) (ok bool) {
	needsFreshness, known := keptStatus[k.status]
	if !known || needsFreshness && k.fresh == 0 || k.rules.noStore || ask.rules().noStore ||
		ask.Request.Header.Get("Range") != "" || ask.Request.Method != http.MethodGet {
		return false
	}
	k.vary, ok = varyValues(answer, ask.Request.Header)
	return ok
}

// outdates tells whether an answer that is not kept says what there is now: neither a part, nor an error that passes, nor the
// answer to a condition of the client's.
func (k *kept) outdates() bool {
	switch k.status {
	case http.StatusPartialContent, http.StatusNotModified, http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return k.status < http.StatusInternalServerError
	}
}

// renewed returns what is kept after an answer of 304 (RFC 9111 section 4.3.4): its header fields replace those of the
// same names, but for what describes the body.
func (k *kept) renewed(ask *Ask, h http.Header, arrived time.Time, took time.Duration) *kept {
	header := unflat(k.header)
	for name, values := range h {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Type", "Content-Range", "Etag", "Cache-Status":
		default:
			header[name] = values
		}
	}
	next := *k
	if h.Get("Date") == "" {
		delete(header, "Date") // what Expires says now does not count from the Date of before
	}
	vary, ok := varyValues(header, ask.Request.Header)
	next.header, next.rules, next.vary = flat(header), parseDirectives(header), vary
	next.arrived, next.reuse = arrived, ask.Reuse
	next.fresh, next.aged = lifetime(header, next.rules), initialAge(h, arrived, took)
	next.keepable = ok && !next.rules.noStore && !ask.rules().noStore
	return &next
}

// matches tells whether an answer serves a request with that header.
func (k *kept) matches(h http.Header) bool {
	if k.zipped && h.Get("Accept-Encoding") != "gzip" {
		return false
	}
	for i := 0; i < len(k.vary); i += 2 {
		if strings.Join(h[k.vary[i]], ",") != k.vary[i+1] {
			return false
		}
	}
	return true
}

// age is how old the answer is (RFC 9111 section 4.2.3).
func (k *kept) age(now time.Time) time.Duration { return k.aged + max(0, now.Sub(k.arrived)) }

// isFresh tells whether the answer may be given to a request without a call (RFC 9111 sections 4.2 and 5.2.1).
func (k *kept) isFresh(now time.Time, want directives) bool {
	age := k.age(now)
	if want.noCache || want.maxAge >= 0 && age > want.maxAge {
		return false
	}
	left := k.fresh - age
	if k.rules.noCache {
		left = -age - 1
	}
	if k.reuse > 0 { // from when it arrived, whatever other clocks say
		left = max(left, k.reuse-max(0, now.Sub(k.arrived)))
	}
	switch {
	case want.minFresh >= 0:
		return left > 0 && left >= want.minFresh
	case left > 0:
		return true
	default:
		return want.maxStale >= 0 && !k.mustAsk() && -left <= want.maxStale
	}
}

// mustAsk tells whether the answer itself forbids that it is given when it is stale.
func (k *kept) mustAsk() bool { return k.rules.noCache || k.rules.mustRevalidate }

// validators are the conditions of a call that asks whether the answer is still so; nil when it has none.
func (k *kept) validators() http.Header {
	switch {
	case k.etag != "":
		return http.Header{"If-None-Match": {k.etag}}
	case k.changed != "":
		return http.Header{"If-Modified-Since": {k.changed}}
	default:
		return nil
	}
}

// response is the answer to one request, which gets a header and a reader of its own.
func (k *kept) response(r *http.Request, now time.Time) *http.Response {
	res := &http.Response{
		Status: strconv.Itoa(k.status) + " " + http.StatusText(k.status), StatusCode: k.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: unflat(k.header), Request: r,
		Body: http.NoBody, ContentLength: int64(len(k.body)),
	}
	res.Header["Age"] = []string{strconv.FormatInt(int64(k.age(now)/time.Second), 10)}
	switch {
	case k.status == http.StatusOK && k.notModified(r.Header):
		res.StatusCode, res.Status, res.ContentLength = http.StatusNotModified, "304 Not Modified", 0
		for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding"} {
			delete(res.Header, name)
		}
		return res
	case k.status == http.StatusNoContent, k.status == http.StatusNotModified:
		res.ContentLength = 0
		return res
	}
	res.Header["Content-Length"] = []string{strconv.Itoa(len(k.body))}
	if r.Method == http.MethodHead {
		return res
	}
	res.Body = io.NopCloser(bytes.NewReader(k.body))
	if len(k.trailer) > 0 {
		res.Trailer = unflat(k.trailer)
		delete(res.Header, "Content-Length")
		res.ContentLength = -1
	}
	return res
}

// notModified evaluates the conditions of a request (RFC 9110 section 13.2.2).
func (k *kept) notModified(h http.Header) bool {
	if lines, present := h["If-None-Match"]; present {
		for _, line := range lines {
			for tag := range strings.SplitSeq(line, ",") {
				tag = strings.TrimSpace(tag)
				if tag == "*" || k.etag != "" && strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(k.etag, "W/") {
					return true
				}
			}
		}
		return false
	}
	said := h.Get("If-Modified-Since")
	if said == "" {
		return false
	}
	since, err := http.ParseTime(said)
	if err != nil {
		return false
	}
	changed, err := http.ParseTime(k.changed)
	return err == nil && !changed.After(since)
}

// keptOverhead is about what an answer takes beside its texts, in bytes: the structures that lead to it.
const keptOverhead = 512

// ownerOverhead is about what an owner takes beside what is kept for it, in bytes.
const ownerOverhead = 768

// size is about what the answer takes in memory, in bytes.
func (k *kept) size() int64 {
	size := keptOverhead + len(k.body) + len(k.body)/12 // memory is given out in steps
	for _, list := range [][]string{k.header, k.trailer, k.vary} {
		for _, text := range list {
			size += 16 + len(text)
		}
	}
	return int64(size)
}

// lifetime is the freshness lifetime that an answer gives itself (RFC 9111 section 4.2.1, as a private cache reads it);
// zero without one. Heuristic freshness is not used.
func lifetime(h http.Header, rules directives) time.Duration {
	if rules.maxAge >= 0 {
		return rules.maxAge
	}
	expires, present := h["Expires"]
	if !present {
		return 0
	}
	until, err := http.ParseTime(expires[0])
	date, dateErr := http.ParseTime(h.Get("Date"))
	if err != nil || dateErr != nil || len(expires) > 1 {
		return 0
	}
	return max(0, until.Sub(date))
}

// initialAge is the age of an answer at its arrival (RFC 9111 section 4.2.3); took is the time from the call to it.
func initialAge(h http.Header, arrived time.Time, took time.Duration) time.Duration {
	apparent := time.Duration(0)
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		apparent = arrived.Sub(date)
	}
	if apparent < 2*time.Second { // Date has whole seconds
		apparent = 0
	}
	stated := took
	if age := h.Get("Age"); age != "" {
		stated += deltaSeconds(age)
	}
	return max(0, apparent, stated)
}

// varyValues are the names in Vary with the request's values; ok is false for "*". Cookie and Authorization are left out
// because they decide the owner, and the encoding because it is checked by itself.
func varyValues(answer, request http.Header) (values []string, ok bool) {
	for _, line := range answer["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			switch name {
			case "*":
				return nil, false
			case "", "Cookie", "Authorization", "Accept-Encoding":
				continue
			}
			values = append(values, name, strings.Join(request[name], ","))
		}
	}
	return values, true
}

// flat is a header in as little memory as it can be kept in: all values are parts of one text.
func flat(h http.Header) []string {
	lines, size := 0, 0
	for _, values := range h {
		for _, value := range values {
			lines, size = lines+1, size+len(value)
		}
	}
	if lines == 0 {
		return nil
	}
	var text strings.Builder
	text.Grow(size)
	list := make([]string, 0, 2*lines)
	for name, values := range h {
		for _, value := range values {
			begin := text.Len()
			text.WriteString(value)
			list = append(list, name, text.String()[begin:])
		}
	}
	return list
}

// unflat is the inverse of flat.
func unflat(list []string) http.Header {
	h := make(http.Header, len(list)/2+2)
	values := make([]string, len(list)/2) // of names with one value, as nearly all are
	for i := 0; i < len(list); i += 2 {
		one := values[i/2 : i/2+1 : i/2+1]
		one[0] = list[i+1]
		if before, present := h[list[i]]; present {
			one = append(before, one[0])
		}
		h[list[i]] = one
	}
	return h
}
