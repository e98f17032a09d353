// Package httperror has the errors that the gateway itself answers with: what the client may read and the cause for the
// log are different fields, and one writer turns them into Spotify's error shape or, for a person that navigates, into a
// page.
package httperror

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ReasonHeader carries the reason of an answer that the gateway made itself. No upstream answer keeps it.
const ReasonHeader = "Stagedoor-Reason"

// The reasons: what a program may branch on. Each has one status, which New sets.
const (
	LoginRequired            = "LOGIN_REQUIRED"
	ReauthorizationRequired  = "REAUTHORIZATION_REQUIRED"
	InsufficientScope        = "INSUFFICIENT_SCOPE"
	UserNotRegistered        = "USER_NOT_REGISTERED"
	CrossOriginRefused       = "CROSS_ORIGIN_REFUSED"
	PathRefused              = "PATH_REFUSED"
	MethodRefused            = "METHOD_REFUSED"
	BodyTooLarge             = "BODY_TOO_LARGE"
	RateLimited              = "RATE_LIMITED"
	QuotaExceeded            = "QUOTA_EXCEEDED"
	NotCached                = "NOT_CACHED"
	StoreUnavailable         = "STORE_UNAVAILABLE"
	TokenEndpointUnavailable = "TOKEN_ENDPOINT_UNAVAILABLE"
	ClientMisconfigured      = "CLIENT_MISCONFIGURED"
	UpstreamUnreachable      = "UPSTREAM_UNREACHABLE"
	UpstreamTimeout          = "UPSTREAM_TIMEOUT"
	// Overloaded is a gateway that has reached one of its limits.
	Overloaded = "OVERLOADED"
	// Maintenance is a gateway that its operator has told to answer nothing else.
	Maintenance = "MAINTENANCE"
	// ClientRate is a client that sends more than server.client_rate allows.
	ClientRate = "CLIENT_RATE"
	// InvalidRequest is a request that neither a retry nor a login helps; OAuth's invalid_request.
	InvalidRequest = "INVALID_REQUEST"
	// AccessDenied is a user that declined on the consent page; OAuth's access_denied.
	AccessDenied = "ACCESS_DENIED"
	// InternalError is an error of the gateway's own.
	InternalError = "INTERNAL_ERROR"
)

var statuses = map[string]int{
	LoginRequired:            http.StatusUnauthorized,
	ReauthorizationRequired:  http.StatusUnauthorized,
	InsufficientScope:        http.StatusForbidden,
	UserNotRegistered:        http.StatusForbidden,
	CrossOriginRefused:       http.StatusForbidden,
	PathRefused:              http.StatusNotFound,
	MethodRefused:            http.StatusMethodNotAllowed,
	BodyTooLarge:             http.StatusRequestEntityTooLarge,
	RateLimited:              http.StatusTooManyRequests,
	QuotaExceeded:            http.StatusTooManyRequests,
	NotCached:                http.StatusGatewayTimeout,
	StoreUnavailable:         http.StatusServiceUnavailable,
	TokenEndpointUnavailable: http.StatusServiceUnavailable,
	ClientMisconfigured:      http.StatusServiceUnavailable,
	UpstreamUnreachable:      http.StatusBadGateway,
	UpstreamTimeout:          http.StatusGatewayTimeout,
	Overloaded:               http.StatusServiceUnavailable,
	Maintenance:              http.StatusServiceUnavailable,
	ClientRate:               http.StatusTooManyRequests,
	InvalidRequest:           http.StatusBadRequest,
	AccessDenied:             http.StatusForbidden,
	InternalError:            http.StatusInternalServerError,
}

// Reasons are all reasons, in alphabetical order.
func Reasons() []string { return slices.Sorted(maps.Keys(statuses)) }

// loginPath begins a login; it is what an answer names when only a login helps.
const loginPath = "/auth/login"

// Error is an answer that the gateway makes itself.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Reason is one of the reasons above.
	Reason string
	// Message is a sentence for the client that says what to do. It holds no secret and never "The access token
	// expired", on which Spotify's clients match.
	Message string
	// Title is the headline of the page; empty means the reason's.
	Title string
	// LoginURL is where a login, or a step-up, begins; empty when a login does not help.
	LoginURL string
	// Home is where the page's link to the start leads: a path, or an http(s) URL of an origin of ours; empty means "/".
	Home string
	// MissingScopes are the scopes that the call lacked, when they are known.
	MissingScopes []string
	// Allow are the methods that would have passed (RFC 9110 section 15.5.6); for MethodRefused.
	Allow []string
	// RetryAfter is sent in whole seconds, rounded up; zero sends no Retry-After.
	RetryAfter time.Duration
	// Page answers with a page, whatever the request looks like.
	Page bool
	// Cause is for the log only; may be nil.
	Cause error
}

// New makes an error with the reason's status. The message is what the client reads; the cause, which may be nil, is
// what the log says.
func New(reason, message string, cause error) *Error {
	return &Error{Status: statuses[reason], Reason: reason, Message: message, Cause: cause}
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Reason
	}
	return fmt.Sprintf("%s: %v", e.Reason, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// From finds the Error in err's chain. Any other error is the gateway's own, about which the client learns
// nothing.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return New(InternalError, "Something went wrong in the gateway. Try again; its log knows more.", err)
}

// OnPage returns err as an Error that is answered with a page, for endpoints that only a person navigates to. A nil error stays nil.
func OnPage(err error) error {
	if err == nil {
		return nil
	}
	e := *From(err)
	e.Page = true
	return &e
}

func writeJSON(w http.ResponseWriter, e *Error) {
	body := JSON(e)
	setHeader(w.Header(), e)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // a client that left needs no answer
}

// JSON is the error as Pages.Write answers with it, on one line.
func JSON(e *Error) []byte {
	body, err := json.Marshal(map[string]any{"error": wireError{
		Status: e.Status, Message: e.Message, Reason: e.Reason, LoginURL: e.LoginURL, MissingScopes: e.MissingScopes,
	}})
	if err != nil { // strings and ints always encode
		panic(err)
	}
	return body
}

type wireError struct {
	Status        int      `json:"status"`
	Message       string   `json:"message"`
	Reason        string   `json:"reason"`
	LoginURL      string   `json:"login_url,omitempty"`
	MissingScopes []string `json:"missing_scopes,omitempty"`
}

func setHeader(h http.Header, e *Error) {
	h.Set(ReasonHeader, e.Reason)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.Reason == MethodRefused {
		h.Set("Allow", strings.Join(e.Allow, ", "))
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatFloat(math.Ceil(e.RetryAfter.Seconds()), 'f', 0, 64))
	}
}
