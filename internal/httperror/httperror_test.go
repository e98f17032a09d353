package httperror

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// contract is every reason with its status: programs branch on both.
var contract = map[string]int{
	"LOGIN_REQUIRED":             401,
	"REAUTHORIZATION_REQUIRED":   401,
	"INSUFFICIENT_SCOPE":         403,
	"USER_NOT_REGISTERED":        403,
	"CROSS_ORIGIN_REFUSED":       403,
	"PATH_REFUSED":               404,
	"METHOD_REFUSED":             405,
	"BODY_TOO_LARGE":             413,
	"RATE_LIMITED":               429,
	"QUOTA_EXCEEDED":             429,
	"NOT_CACHED":                 504,
	"STORE_UNAVAILABLE":          503,
	"TOKEN_ENDPOINT_UNAVAILABLE": 503,
	"CLIENT_MISCONFIGURED":       503,
	"UPSTREAM_UNREACHABLE":       502,
	"UPSTREAM_TIMEOUT":           504,
	"OVERLOADED":                 503,
	"MAINTENANCE":                503,
	"CLIENT_RATE":                429,
	"INVALID_REQUEST":            400,
	"ACCESS_DENIED":              403,
	"INTERNAL_ERROR":             500,
}

// write answers a request on a real server and returns what the client gets.
func write(t *testing.T, method string, header http.Header, err error) (*http.Response, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { DefaultPages().Write(w, r, err, "id") }))
	defer server.Close()
	request, requestErr := http.NewRequest(method, server.URL+"/x", nil)
	if requestErr != nil {
		t.Fatal(requestErr)
	}
	request.Header = header
	response, doErr := http.DefaultClient.Do(request)
	if doErr != nil {
		t.Fatal(doErr)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	body, readErr := io.ReadAll(response.Body)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return response, string(body)
}

// The JSON of every reason, to the letter.
func TestWriteJSON(t *testing.T) {
	for reason, status := range contract {
		response, body := write(t, http.MethodGet, http.Header{"Sec-Fetch-Dest": {"empty"}}, New(reason, "Do this.", nil))
		want := fmt.Sprintf(`{"error":{"status":%d,"message":"Do this.","reason":"%s"}}`, status, reason)
		if response.StatusCode != status || body != want {
			t.Errorf("%s is answered %d %s, want %d %s", reason, response.StatusCode, body, status, want)
		}
		for name, value := range map[string]string{
			"Content-Type": "application/json", "Stagedoor-Reason": reason, "Cache-Control": "no-store",
			"X-Content-Type-Options": "nosniff", "Retry-After": "", "Location": "", "Content-Length": fmt.Sprint(len(want)),
		} {
			if got := response.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", reason, name, got, value)
			}
		}
	}
	if len(statuses) != len(contract) {
		t.Errorf("there are %d reasons, and the test knows %d", len(statuses), len(contract))
	}
}

func TestWriteJSONOptionalMembers(t *testing.T) {
	e := New(InsufficientScope, `Say "yes" to <more>.`, errors.New("private"))
	e.LoginURL, e.MissingScopes = "/auth/login?scope=a+b&return_to=/", []string{"a", "b"}
	_, body := write(t, http.MethodGet, nil, fmt.Errorf("wrapped: %w", e))
	const want = `{"error":{"status":403,"message":"Say \"yes\" to \u003cmore\u003e.","reason":"INSUFFICIENT_SCOPE",` +
		`"login_url":"/auth/login?scope=a+b\u0026return_to=/","missing_scopes":["a","b"]}}`
	if body != want {
		t.Errorf("the answer is %s, want %s", body, want)
	}
}

func TestWriteToHead(t *testing.T) {
	for _, destination := range []string{"empty", "document"} {
		response, body := write(t, http.MethodHead, http.Header{"Sec-Fetch-Dest": {destination}}, New(PathRefused, "No.", nil))
		if response.StatusCode != http.StatusNotFound || body != "" || response.ContentLength <= 0 {
			t.Errorf("%s: HEAD is answered %d with %d bytes and the body %q", destination, response.StatusCode, response.ContentLength, body)
		}
	}
}

// Whole seconds, never fewer than asked for.
func TestRetryAfter(t *testing.T) {
	for after, want := range map[time.Duration]string{
		0:                            "",
		-time.Second:                 "",
		1:                            "1",
		time.Second - 1:              "1",
		time.Second:                  "1",
		time.Second + 1:              "2",
		1500 * time.Millisecond:      "2",
		24 * time.Hour:               "86400",
		24*time.Hour - 1:             "86400",
		time.Duration(math.MaxInt64): "9223372037",
	} {
		e := New(RateLimited, "Wait.", nil)
		e.RetryAfter = after
		for _, destination := range []string{"empty", "document"} {
			response, _ := write(t, http.MethodGet, http.Header{"Sec-Fetch-Dest": {destination}}, e)
			if got := response.Header.Get("Retry-After"); got != want {
				t.Errorf("after %v, Retry-After is %q, want %q", after, got, want)
			}
		}
	}
}

// The answer about an internal error has no details for the client.
func TestWriteOfAnyError(t *testing.T) {
	for _, destination := range []string{"empty", "document"} {
		response, body := write(t, http.MethodGet, http.Header{"Sec-Fetch-Dest": {destination}}, errors.New("dial tcp 10.0.0.1: secret"))
		if response.StatusCode != http.StatusInternalServerError || response.Header.Get(ReasonHeader) != InternalError {
			t.Errorf("answered %d %s", response.StatusCode, response.Header.Get(ReasonHeader))
		}
		if strings.Contains(body, "secret") || strings.Contains(body, "10.0.0.1") {
			t.Errorf("the client reads the cause: %s", body)
		}
	}
}

func TestErrorChain(t *testing.T) {
	cause := errors.New("cause")
	e := New(UpstreamTimeout, "Try again.", cause)
	if !errors.Is(e, cause) || e.Error() != "UPSTREAM_TIMEOUT: cause" {
		t.Errorf("the error is %q and its cause %v", e, e.Unwrap())
	}
	if got := New(UpstreamTimeout, "Try again.", nil).Error(); got != "UPSTREAM_TIMEOUT" {
		t.Errorf("without a cause the error is %q", got)
	}
	if got := From(fmt.Errorf("a: %w", fmt.Errorf("b: %w", e))); got != e {
		t.Errorf("From found %v", got)
	}
	if got := From(cause); got.Reason != InternalError || !errors.Is(got, cause) {
		t.Errorf("From made %v of another error", got)
	}
}

// OnPage keeps what the error says, and the error itself as it is.
func TestOnPage(t *testing.T) {
	e := New(StoreUnavailable, "Wait.", errors.New("cause"))
	got := From(OnPage(fmt.Errorf("wrapped: %w", e)))
	if !got.Page || e.Page || got.Reason != e.Reason || !errors.Is(got, e.Cause) {
		t.Errorf("on a page it is %+v, and itself %+v", got, e)
	}
	if OnPage(nil) != nil {
		t.Error("nothing became an error")
	}
}
