// Package secret keeps texts that must never be printed, and takes such texts out of those that are: out of what another
// program has said, and out of what somebody has written into the wrong place.
package secret

import "crypto/subtle"

// Redacted stands for what is not shown.
const Redacted = "[redacted]"

// Text is a text that must never be printed: a token, a key, a client secret. However it is formatted, marshalled or
// logged, it shows as "[redacted]"; only Reveal gives it away. The text sits behind a pointer because package fmt walks
// unexported fields without asking their String methods, and follows no pointer below the first level.
//
// The zero value is the empty secret. A Text is immutable and safe for concurrent use.
type Text struct {
	value *string
}

// New hides text.
func New(text string) Text {
	if text == "" {
		return Text{}
	}
	return Text{value: &text}
}

// Reveal returns the text itself. Each call is a place to look at in a review.
func (s Text) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero tells whether the secret is empty.
func (s Text) IsZero() bool { return s.value == nil }

// Equal compares in a time that does not depend on where the two differ.
func (s Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns "[redacted]", or "" for the empty secret, so that a missing secret can be told from a hidden one.
func (s Text) String() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// GoString is String for %#v.
func (s Text) GoString() string { return s.String() }

// MarshalText is String for encoders: JSON, YAML and zap's reflection.
func (s Text) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText hides text that a decoder has read.
func (s *Text) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
