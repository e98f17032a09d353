package proxy

import "strings"

// redact returns err without the tokens that Spotify was shown: an error of net/http's quotes what it cannot read, and
// that may be what was sent. A nil call, as of a frontend's route, has told none.
func (c *call) redact(err error) error {
	if c == nil || err == nil {
		return err
	}
	text := err.Error()
	for _, token := range c.told {
		text = strings.ReplaceAll(text, token.Reveal(), token.String())
	}
	if text == err.Error() {
		return err
	}
	return redactedError{error: err, text: text}
}

// redactedError is an error under another text.
type redactedError struct {
	error
	text string
}

func (e redactedError) Error() string { return e.text }

// Unwrap returns the error with its own text, which nobody should print.
func (e redactedError) Unwrap() error { return e.error }
