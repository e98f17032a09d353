// Package outcome lists what an event counts as in the metrics: the values of the labels "result", "reason", "cause", "from", "event"
// and "operation", each written once. Each metric has a type of its own, so that neither a misspelt value nor one of another
// metric compiles. docs/watching.md tells operators what they mean.
package outcome

// Value is one of this package's types; see All.
type Value interface {
	~uint8
	String() string
	texts() []string
}

// All are the values of a type, in their numbers' order from zero.
func All[V Value]() []V {
	var values []V
	for i := range V(0).texts() {
		values = append(values, V(i))
	}
	return values
}

// Login is what a login came to that returned from the consent page.
type Login uint8

// The values of Login.
const (
	LoginOK          Login = iota
	LoginDenied            // the user said no
	LoginRefused           // something is wrong with the request, or with the user
	LoginUnavailable       // it cannot be done for now
)

var logins = [...]string{"ok", "denied", "refused", "unavailable"}

func (v Login) String() string  { return logins[v] }
func (v Login) texts() []string { return logins[:] }

// Part is a part of the gateway, or of what it depends on, that works or does not.
type Part uint8

// The values of Part.
const (
	PartStore  Part = iota // the session store: it is read, written and deleted from
	PartLogins             // its room for the sessions of new logins
	PartAudit              // audit lines are written
)

var parts = [...]string{"store", "logins", "audit"}

func (v Part) String() string  { return parts[v] }
func (v Part) texts() []string { return parts[:] }

// Logout is what the end of sessions came to that a user asked for.
type Logout uint8

// The values of Logout.
const (
	LogoutOK          Logout = iota
	LogoutRefused            // something is wrong with the request
	LogoutUnavailable        // the session store was down
)

var logouts = [...]string{"ok", "refused", "unavailable"}

func (v Logout) String() string  { return logouts[v] }
func (v Logout) texts() []string { return logouts[:] }

// Refresh is what became of a refresh of a token.
type Refresh uint8

// The values of Refresh.
const (
	RefreshOK            Refresh = iota
	RefreshGrantEnded            // one user must log in again
	RefreshMisconfigured         // the client id or the secret is wrong
	RefreshUnavailable           // the token endpoint did not help
	RefreshLost                  // the new token could not be written
)

var refreshes = [...]string{"ok", "grant_ended", "client_misconfigured", "unavailable", "lost"}

func (v Refresh) String() string  { return refreshes[v] }
func (v Refresh) texts() []string { return refreshes[:] }

// Replay is why a call is sent again after a 401.
type Replay uint8

// The values of Replay.
const (
	ReplayToken    Replay = iota // the 401 blamed the token
	ReplaySpurious               // it did not
)

var replays = [...]string{"token", "spurious"}

func (v Replay) String() string  { return replays[v] }
func (v Replay) texts() []string { return replays[:] }

// Answer is where the answer of a route with credentials came from.
type Answer uint8

// The values of Answer.
const (
	AnswerSpotify     Answer = iota // a call of its own
	AnswerCache                     // the cache, which had it fresh
	AnswerRevalidated               // the cache, and a call showed that it is still so
	AnswerJoined                    // another request's call
	AnswerStale                     // the cache, because calls are scarce
	AnswerRefused                   // there is none, because calls are limited
)

var answers = [...]string{"spotify", "cache", "revalidated", "joined", "stale", "refused"}

func (v Answer) String() string  { return answers[v] }
func (v Answer) texts() []string { return answers[:] }

// Limit is what a request met that was rejected before anything was done for it, as the reason of its answer.
type Limit uint8

// The values of Limit.
const (
	LimitInFlight    Limit = iota // as many requests or streams as there may be
	LimitClient                   // as many requests as one client may send
	LimitMaintenance              // the operator's pause
)

var limits = [...]string{"OVERLOADED", "CLIENT_RATE", "MAINTENANCE"}

func (v Limit) String() string  { return limits[v] }
func (v Limit) texts() []string { return limits[:] }

// Poll is what a poll for the streams of a route with live came to.
type Poll uint8

// The values of Poll.
const (
	PollChanged   Poll = iota // the state is another one
	PollUnchanged             // the state is the one that was known
	PollDelayed               // there is no answer for now
	PollFailed                // Spotify has said no
	PollEnded                 // the session or the grant has ended
)

var polls = [...]string{"changed", "unchanged", "delayed", "failed", "ended"}

func (v Poll) String() string  { return polls[v] }
func (v Poll) texts() []string { return polls[:] }

// Reload is what an attempt to take a new configuration into use came to.
type Reload uint8

// The values of Reload.
const (
	ReloadOK      Reload = iota
	ReloadRefused        // the configuration has a problem; nothing has changed
)

var reloads = [...]string{"ok", "refused"}

func (v Reload) String() string  { return reloads[v] }
func (v Reload) texts() []string { return reloads[:] }

// Operation is a kind of operation of the session store.
type Operation uint8

// The values of Operation.
const (
	Load    Operation = iota
	Save              // a compare and swap
	Delete            // of a record
	Hold              // of the lease that a refresh takes
	Release           // of that lease
	List              // all operations on the indexes of users' sessions
	Bulk              // all operations on many records at once
)

var operations = [...]string{"load", "save", "delete", "hold", "release", "list", "bulk"}

func (v Operation) String() string  { return operations[v] }
func (v Operation) texts() []string { return operations[:] }

// End is why a session has ended. Package session stores the numbers, so a value keeps its own for ever.
type End uint8

// The values of End.
const (
	EndLogout       End = iota // its user logged it out
	EndEverywhere              // its user logged all sessions out
	EndOperator                // an operator revoked it
	EndIdle                    // it was not used for session.idle_timeout
	EndAbsolute                // it reached session.max_lifetime
	EndInvalidGrant            // Spotify ended the user's authorization
	EndKeyRemoved              // the session key that sealed it is not configured any more
	EndStoreLost               // the store lost it before its time
	EndReplaced                // the same browser logged in again
	EndTooMany                 // its user began more sessions than session.max_per_user
)

var ends = [...]string{
	"logout", "everywhere", "operator", "idle", "absolute", "invalid_grant", "key_removed", "store_lost", "replaced", "too_many",
}

func (v End) String() string  { return ends[v] }
func (v End) texts() []string { return ends[:] }
