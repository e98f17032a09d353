package policy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// APIKeys are the keys that a route with a shared account asks for. Only their hashes are kept.
type APIKeys struct {
	hashes [][sha256.Size]byte
}

// minAPIKey is the length below which a key can be guessed, in characters.
const minAPIKey = 16

// hashedPrefix begins a line with a key's digest. It has any case: a digest that was taken for a key would let in every
// reader of the file.
const hashedPrefix = "sha256:"

// KeyLineError is what is wrong with one line of a file of API keys. It does not quote the line.
type KeyLineError struct {
	Line    int // from 1
	Problem string
}

func (e *KeyLineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem) }

// ParseAPIKeys reads one key a line: the key itself, or "sha256:" and its hex digest. A # at the begin of a line or behind a
// blank begins a comment; any other # is a part of its key. Blanks around a key and the line ends of Windows do not count.
// The error is a *KeyLineError, or for a text as a whole the rest of a sentence about it.
func ParseAPIKeys(text string) (*APIKeys, error) {
	keys := &APIKeys{}
	lines := map[[sha256.Size]byte]int{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		key := strings.Trim(withoutComment(strings.TrimRight(line, "\r\n")), " \t")
		if key == "" {
			continue
		}
		hash, problem := hashOfKey(key)
		if first, taken := lines[hash]; taken && problem == "" {
			problem = fmt.Sprintf("the key is also in line %d; remove one of them, or a key that is taken out lives on", first)
		}
		if problem != "" {
			return nil, &KeyLineError{number, problem}
		}
		lines[hash] = number
		keys.hashes = append(keys.hashes, hash)
	}
	if len(keys.hashes) == 0 {
		return nil, errors.New("holds no key; write one a line")
	}
	return keys, nil
}

// withoutComment cuts a line where a # begins it or stands behind a blank.
func withoutComment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// hashOfKey returns the hash of the key on a line, or says what is wrong with it.
func hashOfKey(key string) (hash [sha256.Size]byte, problem string) {
	for i, c := range key {
		switch {
		case c == '\uFEFF':
			return hash, "there is a byte-order mark; save the file as UTF-8 without one"
		case c == ' ' || c == '\t':
			return hash, fmt.Sprintf("there is a blank behind %d characters of the key; write one key a line, and comments behind a #", i)
		case c < ' ' || c > '~':
			return hash, "the key has a character that is not printable ASCII, which no Authorization header carries; make another key"
		}
	}
	if len(key) >= len(hashedPrefix) && strings.EqualFold(key[:len(hashedPrefix)], hashedPrefix) {
		raw, err := hex.DecodeString(key[len(hashedPrefix):])
		if err != nil || len(raw) != sha256.Size {
			return hash, "what stands behind sha256: is not the 64 hex digits of a SHA-256"
		}
		if hash = [sha256.Size]byte(raw); hash == sha256.Sum256(nil) {
			return hash, "this is the SHA-256 of an empty text; hash the key"
		}
		return hash, ""
	}
	if len(key) < minAPIKey {
		return hash, fmt.Sprintf("the key has fewer than %d characters and can be guessed; make one with `openssl rand -hex 32`", minAPIKey)
	}
	return sha256.Sum256([]byte(key)), ""
}

// Admit tells whether the request shows one of the keys. It compares hashes, all of them, in constant time.
func (k *APIKeys) Admit(r *http.Request) bool {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return false
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	key = strings.Trim(key, " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return false
	}
	hash := sha256.Sum256([]byte(key))
	found := 0
	for i := range k.hashes {
		found |= subtle.ConstantTimeCompare(hash[:], k.hashes[i][:])
	}
	return found == 1
}
