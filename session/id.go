package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

// idSize is the length of an id in bytes: 256 random bits.
const idSize = 32

// The kinds of record, which begin their keys.
const (
	kindSession = "session" // a browser's session
	kindLogin   = "login"   // the mark that a login state was used
	kindTicket  = "ticket"  // what a one-time link is for
	kindAccount = "account" // the grant of a shared account
	kindApp     = "app"     // the app's own token
	kindIndex   = "index"   // which sessions a user has
	kindTrace   = "trace"   // why sessions of many users have ended
	kindName    = "name"    // which index a handle or an account id leads to
	kindUser    = "user"    // the same, as earlier versions kept it
)

// labelSize is how many hex digits of a key stand for it in a log.
const labelSize = 8

// newID returns 256 random bits in base64url, 43 characters.
func newID() secret.Text {
	raw := make([]byte, idSize)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return secret.New(base64.RawURLEncoding.EncodeToString(raw))
}

// parseID takes what a client sent for an id. It is not an id when it does not look exactly like one.
func parseID(text string) (secret.Text, bool) {
	if len(text) != base64.RawURLEncoding.EncodedLen(idSize) {
		return secret.Text{}, false
	}
	var raw [idSize]byte
	n, err := strictBase64.Decode(raw[:], []byte(text))
	if err != nil || n != idSize { // the decoder skips line ends, which do not belong to an id
		return secret.Text{}, false
	}
	return secret.New(text), true
}

var strictBase64 = base64.RawURLEncoding.Strict()

// storeKey is the key of an id's record in the store: it can be computed from the id, and the id cannot be computed from it.
func storeKey(kind string, id secret.Text) string {
	sum := sha256.Sum256([]byte(id.Reveal()))
	key := append(make([]byte, 0, len(kind)+1+hex.EncodedLen(len(sum))), kind...)
	return string(hex.AppendEncode(append(key, ':'), sum[:]))
}

// recordKey is the key of a record in the store, with the secret that opens it.
type recordKey struct {
	kind   string
	key    string
	secret secret.Text
}

// keyForID is the record key for a secret id, such as a cookie's: the record opens only with the id.
func keyForID(kind string, id secret.Text) recordKey {
	return recordKey{kind: kind, key: storeKey(kind, id), secret: id}
}

// keyForName is the record key of a record with a name and no cookie: the configured key alone opens it.
func keyForName(kind, name string) recordKey {
	return keyFor(kind, storeKey(kind, secret.New(name)))
}

func keyFor(kind, key string) recordKey {
	return recordKey{kind: kind, key: key, secret: secret.New(key)}
}

// label shortens a key for logs: enough to follow a session, useless for anything else.
func label(key string) string {
	_, digits, _ := strings.Cut(key, ":")
	if len(digits) < labelSize {
		return ""
	}
	return digits[:labelSize]
}

// NewKey makes a session key for the configuration: 32 random bytes in base64.
func NewKey() secret.Text {
	raw := make([]byte, seal.KeySize)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return secret.New(base64.StdEncoding.EncodeToString(raw))
}
