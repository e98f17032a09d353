package attack

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// intruder has read the configuration, all of Redis, the log and the source of the program, and knows from there how a record
// is sealed. It derives the keys itself, so that no check of the program's own is in its way.
type intruder struct {
	key     []byte            // the configured one
	records map[string][]byte // what is sealed, by the key in Redis without its prefix
	guesses []string          // what might be the other half of a key
}

// isList tells whether a key of Redis holds a list: a user's index, the traces of sessions that have ended, or the names that lead to
// an index. What is in it opens under the configured key alone, or is not sealed.
func isList(key string) bool {
	kind, _, _ := strings.Cut(strings.TrimPrefix(key, "stagedoor:{"), ":")
	return kind == "index" || kind == "trace" || kind == "name"
}

// newIntruder reads everything.
func newIntruder(t *testing.T, w *stage.World) *intruder {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(w.Key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	i := &intruder{key: raw, records: map[string][]byte{}}
	const version = 8 // bytes before what is sealed
	for _, name := range w.Keys("stagedoor:{*}") {
		if isList(name) {
			continue
		}
		value, err := w.Redis.Do("GET", name)
		if err != nil {
			t.Fatal(err)
		}
		i.records[strings.TrimSuffix(strings.TrimPrefix(name, "stagedoor:{"), "}")] = []byte(value.(string)[version:])
	}
	config, err := os.ReadFile(w.Replicas[0].Config)
	if err != nil {
		t.Fatal(err)
	}
	i.guess("", string(raw))
	for _, text := range []string{string(config), w.Replicas[0].Log()} {
		i.guess(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n\t\"'{}[],", r) })...)
	}
	for name, sealed := range i.records {
		kind, digits, _ := strings.Cut(name, ":")
		digest, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("the key %q: %v", name, err)
		}
		i.guess(name, "stagedoor:{"+name+"}", kind, digits, digits[:16], digits[:8], string(digest), string(sealed),
			base64.RawURLEncoding.EncodeToString(digest), base64.StdEncoding.EncodeToString(digest))
	}
	return i
}

// guess adds texts, and pairs of them, with a dot in between.
func (i *intruder) guess(texts ...string) {
	for _, text := range texts {
		i.guesses = append(i.guesses, text, text+"."+text, "."+text, text+".")
	}
	slices.Sort(i.guesses)
	i.guesses = slices.Compact(i.guesses)
}

// crack tries all guesses, at the record's own place and at every other, and returns what it has opened with.
func (i *intruder) crack(name string) (plain []byte, with string, tries int) {
	for _, guess := range i.guesses {
		aead := i.aead(guess)
		for place := range i.records {
			tries++
			if plain, err := openSealed(aead, i.records[name], place); err == nil {
				return plain, guess, tries
			}
		}
	}
	return nil, "", tries
}

// open tries one secret at the record's own place.
func (i *intruder) open(name, secret string) ([]byte, error) {
	return openSealed(i.aead(secret), i.records[name], name)
}

// aead is the cipher of a record: AES-256-GCM under HKDF of the configured key, salted with the secret.
func (i *intruder) aead(secret string) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, i.key, []byte(secret), "stagedoor record", len(i.key))
	if err != nil {
		panic(err) // the sizes are fixed
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// openSealed opens a record: a format byte, four of the key's fingerprint and four of the client id's tag, which are also
// signed, and then the rest.
func openSealed(aead cipher.AEAD, sealed []byte, place string) ([]byte, error) {
	const header = 9
	if len(sealed) < header { // the mark of a used state is not sealed: it says nothing
		return nil, errors.New("too short")
	}
	return aead.Open(nil, nil, sealed[header:], slices.Concat(sealed[:header], []byte(place)))
}
