// Package seal encrypts what the store keeps, and compresses it before that.
//
// A text is sealed under a configured key, a secret that only the browser holds, and the key of its record: a copy of the store opens
// nothing, and a sealed text opens in no other place. Its first byte names the format, which says what its header has and which
// dictionary the text is compressed against. Nothing here reads or writes the store.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"stagedoor/internal/outcome"
	"stagedoor/secret"
)

// KeySize is the length of a configured key and of every key made from it, in bytes (AES-256).
const KeySize = 32

// The formats of a sealed text, which its first byte names. A format says what the header has, which dictionary the text is
// compressed against and what the fields of a record are called. It never changes once it was written: another format
// gets a number of its own, and a golden file in testdata.
const (
	FormatUnnamed = 1 // one letter for a name, and no client id: written until 2026-11; the first client id that opens it adopts it
	FormatNamed   = 2 // the names of the fields in full, and the client id
	FormatWritten = FormatNamed
)

// A sealed text begins with a header, in clear and authenticated: the format, the fingerprint of the configured key and,
// since FormatNamed, the tag of the client id. GCM's nonce, ciphertext and tag follow.
const (
	fingerprintSize = 4
	clientTagSize   = 4
)

var (
	// ErrSealed says that a sealed text does not open: another key or secret sealed it, or it was changed.
	ErrSealed = errors.New("the record does not open")
	// ErrOtherClient is the ErrSealed of a record that belongs to another client id, which is left as it is.
	ErrOtherClient = fmt.Errorf("%w: it belongs to another client id", ErrSealed)
)

// Sealer seals texts of one client id under a configured key and a secret that only the browser holds (AES-256-GCM, keys
// by HKDF, RFC 5869). It is immutable and safe for concurrent use.
type Sealer struct {
	keys []sealKey // the first seals
	tag  []byte    // of the client id
}

type sealKey struct {
	raw         []byte
	fingerprint []byte // identifies the key that sealed a text, and reveals nothing about the key
}

// New makes a Sealer for the records of a client id, which may be empty.
func New(keys []secret.Text, client string) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("there is no session key")
	}
	id := sha256.Sum256([]byte(client))
	s := &Sealer{tag: id[:clientTagSize]}
	for i, key := range keys {
		raw, err := base64.StdEncoding.DecodeString(key.Reveal())
		if err != nil || len(raw) != KeySize {
			return nil, fmt.Errorf("session key %d is not 32 bytes in base64", i+1)
		}
		fingerprint, err := hkdf.Key(sha256.New, raw, nil, "stagedoor key fingerprint", fingerprintSize)
		if err != nil {
			return nil, fmt.Errorf("fingerprint of session key %d: %w", i+1, err)
		}
		s.keys = append(s.keys, sealKey{raw: raw, fingerprint: fingerprint})
	}
	return s, nil
}

// Seal returns plain, sealed so that only a configured key and the secret together open it, and only under this record key.
func (s *Sealer) Seal(secret secret.Text, recordKey string, plain []byte) ([]byte, error) {
	key := s.keys[0]
	aead, err := key.aead(secret)
	if err != nil {
		return nil, err
	}
	header := append([]byte{FormatWritten}, key.fingerprint...)
	header = append(header, s.tag...)
	return aead.Seal(header, nil, plain, additional(header, recordKey)), nil //nolint:gosec // G407: the cipher makes the nonce
}

// Open is the inverse of Seal, for every format. Every failure is ErrSealed or ErrOtherClient: the callers need no other
// reason.
func (s *Sealer) Open(secret secret.Text, recordKey string, sealed []byte) ([]byte, error) {
	size := headerSize(sealed)
	if size == 0 {
		return nil, ErrSealed
	}
	if s.Foreign(sealed) {
		return nil, ErrOtherClient
	}
	header := sealed[:size:size]
	for _, key := range s.keys {
		if !bytes.Equal(key.fingerprint, header[1:1+fingerprintSize]) {
			continue
		}
		aead, err := key.aead(secret)
		if err != nil {
			return nil, err
		}
		if plain, err := aead.Open(nil, nil, sealed[size:], additional(header, recordKey)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

// Foreign reports whether a sealed text says that it belongs to another client id. It needs neither key nor secret.
func (s *Sealer) Foreign(sealed []byte) bool {
	size := headerSize(sealed)
	return size > 0 && sealed[0] != FormatUnnamed && !bytes.Equal(sealed[size-clientTagSize:size], s.tag)
}

// Lost says why a sealed text does not open: its key is not configured, or else the store lost what was there.
func (s *Sealer) Lost(sealed []byte) outcome.End {
	if headerSize(sealed) == 0 {
		return outcome.EndStoreLost
	}
	isIts := func(key sealKey) bool { return bytes.Equal(key.fingerprint, sealed[1:1+fingerprintSize]) }
	if slices.ContainsFunc(s.keys, isIts) {
		return outcome.EndStoreLost
	}
	return outcome.EndKeyRemoved
}

// headerSize returns the length of a sealed text's header; 0 when this program does not know its format.
func headerSize(sealed []byte) int {
	size := 0
	switch {
	case len(sealed) == 0:
	case sealed[0] == FormatUnnamed:
		size = 1 + fingerprintSize
	case sealed[0] == FormatNamed:
		size = 1 + fingerprintSize + clientTagSize
	}
	if len(sealed) < size {
		return 0
	}
	return size
}

// additional binds a sealed text to its header and its record key, so that it cannot be moved to another record.
func additional(header []byte, recordKey string) []byte {
	return append(append([]byte{}, header...), recordKey...)
}

func (k sealKey) aead(secret secret.Text) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.raw, []byte(secret.Reveal()), "stagedoor record", KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive a record key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a record cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
