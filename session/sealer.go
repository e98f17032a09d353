package session

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// keySize is the length of a configured key and of every key made from it, in bytes (AES-256).
const keySize = 32

// A sealed text is a format byte, the fingerprint of the configured key, then GCM's nonce, ciphertext and tag.
const (
	sealFormat      = 1
	fingerprintSize = 4
	sealHeaderSize  = 1 + fingerprintSize
)

// errSealed says that a sealed text does not open: another key or secret sealed it, or somebody changed it.
var errSealed = errors.New("the record does not open")

// sealer seals texts under a configured key and a secret that only the client holds (AES-256-GCM, keys by HKDF, RFC
// 5869). It is immutable and safe for concurrent use.
type sealer struct {
	keys []sealKey // the first seals
}

type sealKey struct {
	raw         []byte
	fingerprint []byte // tells which key sealed a text, and nothing about the key
}

func newSealer(keys []Secret) (*sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("there is no session key")
	}
	s := &sealer{}
	for i, key := range keys {
		raw, err := base64.StdEncoding.DecodeString(key.Reveal())
		if err != nil || len(raw) != keySize {
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

// seal returns plain, sealed so that only a configured key and the secret together open it, and only at this place.
func (s *sealer) seal(secret Secret, place string, plain []byte) ([]byte, error) {
	key := s.keys[0]
	aead, err := key.aead(secret)
	if err != nil {
		return nil, err
	}
	header := append([]byte{sealFormat}, key.fingerprint...)
	return aead.Seal(header, nil, plain, additional(header, place)), nil //nolint:gosec // G407: the cipher makes the nonce
}

// open is the inverse of seal. Any failure is errSealed: what failed is nobody's business.
func (s *sealer) open(secret Secret, place string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealHeaderSize || sealed[0] != sealFormat {
		return nil, errSealed
	}
	header := sealed[:sealHeaderSize:sealHeaderSize]
	for _, key := range s.keys {
		if !bytes.Equal(key.fingerprint, header[1:]) {
			continue
		}
		aead, err := key.aead(secret)
		if err != nil {
			return nil, err
		}
		if plain, err := aead.Open(nil, nil, sealed[sealHeaderSize:], additional(header, place)); err == nil {
			return plain, nil
		}
	}
	return nil, errSealed
}

// additional binds a sealed text to its header and its place, so that it cannot be moved to another record.
func additional(header []byte, place string) []byte {
	return append(append([]byte{}, header...), place...)
}

func (k sealKey) aead(secret Secret) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.raw, []byte(secret.Reveal()), "stagedoor record", keySize)
	if err != nil {
		return nil, fmt.Errorf("derive a record key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a record cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
