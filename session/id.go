package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// idSize is the length of an id in bytes: 256 random bits.
const idSize = 32

// The kinds of record, which begin their keys.
const (
	kindSession = "session"
	kindAttempt = "login"
)

// labelSize is how many hex digits of a key stand for it in a log.
const labelSize = 8

// newID returns 256 random bits in base64url, 43 characters.
func newID() Secret {
	raw := make([]byte, idSize)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return NewSecret(base64.RawURLEncoding.EncodeToString(raw))
}

// parseID takes what a client sent for an id. It is not an id when it does not look exactly like one.
func parseID(text string) (Secret, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != idSize {
		return Secret{}, false
	}
	return NewSecret(text), true
}

// storeKey is where the record of an id lies: it can be computed from the id, and the id cannot be computed from it.
func storeKey(kind string, id Secret) string {
	sum := sha256.Sum256([]byte(id.Reveal()))
	return kind + ":" + hex.EncodeToString(sum[:])
}

// label shortens a key for logs: enough to follow a session, useless for anything else.
func label(key string) string {
	start := len(kindSession) + 1
	if len(key) < start+labelSize {
		return ""
	}
	return key[start : start+labelSize]
}

// NewKey makes a session key for the configuration: 32 random bytes in base64.
func NewKey() Secret {
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return NewSecret(base64.StdEncoding.EncodeToString(raw))
}
