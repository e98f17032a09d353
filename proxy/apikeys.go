package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
)

// maxAPIKeys bounds the file of API keys, in bytes.
const maxAPIKeys = 1 << 20

// apiKeys are the keys that a route with a shared account asks for. Only their hashes are kept.
type apiKeys struct {
	hashes [][sha256.Size]byte
}

// CheckAPIKeys says what is wrong with a file of API keys, so that a start need not fail for it.
func CheckAPIKeys(path string) error {
	_, err := readAPIKeys(path)
	return err
}

// readAPIKeys reads a file of API keys, as parseAPIKeys describes it.
func readAPIKeys(path string) (*apiKeys, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxAPIKeys {
		return nil, fmt.Errorf("the file of API keys %s has more than %d KiB", path, maxAPIKeys>>10)
	}
	text, err := os.ReadFile(path)
	var cause *fs.PathError
	if errors.As(err, &cause) { // whose words repeat the path
		err = cause.Err
	}
	if err != nil {
		return nil, fmt.Errorf("the file of API keys %q cannot be read (%w); correct the path or its permissions", path, err)
	}
	keys, err := parseAPIKeys(string(text))
	var line *keyLineError
	switch {
	case errors.As(err, &line):
		return nil, fmt.Errorf("%s:%d: %s", path, line.number, line.problem)
	case err != nil:
		return nil, fmt.Errorf("the file of API keys %s %w", path, err)
	}
	return keys, nil
}

// minAPIKey is the length below which a key can be guessed, in characters.
const minAPIKey = 16

// hashedPrefix begins a line with a key's digest. It has any case: a digest that were taken for a key would let in whoever
// has read the file.
const hashedPrefix = "sha256:"

// keyLineError is what is wrong with one line of a file of API keys. It does not quote the line.
type keyLineError struct {
	number  int // from 1
	problem string
}

func (e *keyLineError) Error() string { return fmt.Sprintf("line %d: %s", e.number, e.problem) }

// parseAPIKeys reads one key a line: the key itself, or "sha256:" and its hex digest. A # at the begin of a line or behind a
// blank begins a comment; any other # is a part of its key. Blanks around a key and the line ends of Windows do not count.
// The error is a *keyLineError, or for a text as a whole the rest of a sentence about it.
func parseAPIKeys(text string) (*apiKeys, error) {
	keys := &apiKeys{}
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
			return nil, &keyLineError{number, problem}
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

// admit tells whether the request shows one of the keys. It compares hashes, all of them, in constant time.
func (k *apiKeys) admit(r *http.Request) bool {
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
