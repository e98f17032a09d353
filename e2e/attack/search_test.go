package attack

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

const (
	// windowSize is how many bytes in a row of a secret are looked for.
	windowSize = 16
	// windowStep is how far apart those begin: whatever shows windowSize+windowStep bytes of a secret is found, also when it
	// was cut, and so is every whole secret.
	windowStep = 8
)

// finder knows secrets by windows of all their forms: one look at each place of a text finds any of them.
type finder map[[windowSize]byte]string

// learn adds a secret under a name for it.
func (f finder) learn(t testing.TB, name, secret string) {
	t.Helper()
	if len(secret) < windowSize {
		t.Fatalf("%s is too short to be looked for: %q", name, secret)
	}
	for _, form := range formsOf(secret) {
		for at := 0; at+windowSize < len(form); at += windowStep {
			f[[windowSize]byte([]byte(form[at:]))] = name
		}
		f[[windowSize]byte([]byte(form[len(form)-windowSize:]))] = name
	}
}

// find returns the names of the secrets of which the text has a part, each with what stands around it.
func (f finder) find(text string) map[string]string {
	found := map[string]string{}
	for at := 0; at+windowSize <= len(text); at++ {
		var window [windowSize]byte
		copy(window[:], text[at:])
		if name, known := f[window]; known && found[name] == "" {
			found[name] = fmt.Sprintf("%.200q", text[max(at-80, 0):])
		}
	}
	return found
}

// formsOf are the ways in which a text may write a secret.
func formsOf(secret string) []string {
	quoted, _ := json.Marshal(secret) // a string always encodes
	forms := []string{
		secret, strings.Trim(string(quoted), `"`), html.EscapeString(secret), url.QueryEscape(secret), url.PathEscape(secret),
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	for before := range 3 { // what stands before a secret moves the groups of base64
		whole := append(make([]byte, before), secret...)
		first, last := (before*8+5)/6, len(whole)*8/6 // characters that are the secret's alone
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			forms = append(forms, encoding.EncodeToString(whole)[first:last])
		}
	}
	return forms
}

// TestFinder gives the search of the secrets something to find, so that its silence says something.
func TestFinder(t *testing.T) {
	const secret = "Qx7+/fT0=9zLk3vB8nM2aWs5dEr6"
	f := finder{}
	f.learn(t, "it", secret)
	basic := base64.StdEncoding.EncodeToString([]byte("e2e-client:" + secret + ":"))
	for name, text := range map[string]string{
		"as it is": "a " + secret + " b", "alone": secret, "its middle": secret[2:26], "its end": secret[4:],
		"its beginning": secret[:24], "in a URL": "/x?y=" + url.QueryEscape(secret) + "&z", "as a Basic credential": basic,
		"in base64url": base64.URLEncoding.EncodeToString([]byte("1" + secret)), "in hex": fmt.Sprintf("%x", secret),
		"in upper hex": fmt.Sprintf("%X", secret), "on a page": html.EscapeString("<" + secret + ">"),
		"quoted": fmt.Sprintf("%q", `"`+secret), "behind a lot": strings.Repeat("Qx7+/fT0=9zLk3v ", 9999) + secret,
	} {
		if len(f.find(text)) != 1 {
			t.Errorf("%s it is not found in %.60q", name, text)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "too little": secret[:windowSize-1], "another": strings.ToLower(secret), "its backside": reversed(secret),
	} {
		if len(f.find(text)) != 0 {
			t.Errorf("%s is taken for the secret", name)
		}
	}
}

func reversed(text string) string {
	bytes := []byte(text)
	for i, j := 0, len(bytes)-1; i < j; i, j = i+1, j-1 {
		bytes[i], bytes[j] = bytes[j], bytes[i]
	}
	return string(bytes)
}
