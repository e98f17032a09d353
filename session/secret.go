package session

import "crypto/subtle"

// redacted is what a Secret prints as.
const redacted = "[redacted]"

// Secret is a text that must never be printed: a token, a key, a client secret. However it is formatted, marshalled or
// logged, it shows as "[redacted]"; only Reveal gives it away. The text sits behind a pointer because package fmt walks
// unexported fields without asking their String methods, and follows no pointer below the first level.
//
// The zero value is the empty secret. A Secret is immutable and safe for concurrent use.
type Secret struct {
	value *string
}

// NewSecret hides text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{value: &text}
}

// Reveal returns the text itself. Each call is a place to look at in a review.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero tells whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal compares in a time that does not depend on where the two differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns "[redacted]", or "" for the empty secret, so that a missing secret can be told from a hidden one.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString is String for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String for encoders: JSON, YAML and zap's reflection.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText hides text that a decoder has read.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
