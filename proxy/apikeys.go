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

// readAPIKeys reads a file with one key a line: the key itself, or "sha256:" and its hex digest. A # begins a comment.
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
	keys := &apiKeys{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		hash, err := hashOfKey(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		keys.hashes = append(keys.hashes, hash)
	}
	if len(keys.hashes) == 0 {
		return nil, fmt.Errorf("the file of API keys %s holds no key; write one a line", path)
	}
	return keys, nil
}

func hashOfKey(line string) (hash [sha256.Size]byte, err error) {
	digest, hashed := strings.CutPrefix(line, "sha256:")
	if !hashed {
		return sha256.Sum256([]byte(line)), nil
	}
	raw, err := hex.DecodeString(digest)
	if err != nil || len(raw) != sha256.Size {
		return hash, fmt.Errorf("what stands behind sha256: is not the 64 hex digits of a SHA-256")
	}
	return [sha256.Size]byte(raw), nil
}

// admit tells whether the request shows one of the keys. It compares hashes, all of them, in constant time.
func (k *apiKeys) admit(r *http.Request) bool {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return false
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	hash := sha256.Sum256([]byte(strings.TrimSpace(key)))
	found := 0
	for i := range k.hashes {
		found |= subtle.ConstantTimeCompare(hash[:], k.hashes[i][:])
	}
	return found == 1
}
