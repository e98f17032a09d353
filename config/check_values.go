package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"

	"stagedoor/secret"
)

// byteOrderMark begins files of some editors. It is invisible in a secret that was copied from one.
const byteOrderMark = "\ufeff"

// checkValues reports ids and secrets that were damaged on their way: by quotes that an .env file keeps, by line ends, by an
// editor. Each would fail only later, in words that say nothing about the cause.
func (c *checker) checkValues() {
	id, clientSecret := c.config.Spotify.ClientID, c.config.Spotify.ClientSecret.Reveal()
	for field, text := range map[string]string{"spotify.client_id": id, "spotify.client_secret": clientSecret} {
		if problem := clientValueProblem(text); problem != "" {
			c.reject(field, problem)
		}
	}
	eachSecret(reflect.ValueOf(*c.config), "", func(field string, text secret.Text) {
		if problem := damaged(text.Reveal()); problem != "" && field != "spotify.client_secret" {
			c.reject(field, problem)
		}
	})
}

// damaged says what is wrong with a secret that may otherwise hold any character, such as a password of Redis.
func damaged(text string) (problem string) {
	switch {
	case strings.Contains(text, byteOrderMark):
		return "it holds a byte-order mark, which some editors write; save it as UTF-8 without one"
	case text != strings.TrimSpace(text):
		return "there is a blank or a line end before or behind it; write the value alone"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "it holds a line end or another control character; write the value alone"
	}
	return ""
}

// clientValueProblem does the same for a client id or a client secret, which are visible ASCII (RFC 6749 appendices A.1 and
// A.2) and have no quotation marks at Spotify.
func clientValueProblem(text string) string {
	if problem := damaged(text); problem != "" {
		return problem
	}
	switch i := strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'`", r) }); {
	case i < 0:
		return ""
	case strings.ContainsRune("\"'`", rune(text[i])):
		return "it holds a quotation mark; write the value without quotes, which docker run --env-file and others keep as a part of it"
	case text[i] == ' ':
		return "there is a blank inside it; copy the value anew from your app at developer.spotify.com/dashboard"
	}
	return "it holds a character that no id or secret of Spotify's has; copy the value anew from your app at developer.spotify.com/dashboard"
}

// eachSecret calls visit for every key of a section and below it with one secret as its value.
func eachSecret(section reflect.Value, path string, visit func(field string, text secret.Text)) {
	for _, k := range keysOf(section.Type()) {
		field, v := join(path, k.name), section.Field(k.index)
		switch {
		case k.twin:
		case v.Type() == secretType:
			visit(field, v.Interface().(secret.Text))
		case v.Kind() == reflect.Struct:
			eachSecret(v, field, visit)
		}
	}
}

// hostName is a name as it stands in a Host header.
var hostName = regexp.MustCompile(hostNameForm)

const hostNameForm = `^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?$`

func (c *checker) checkAdminHosts() {
	for i, name := range c.config.Admin.Hosts {
		if !hostName.MatchString(name) {
			c.reject(fmt.Sprintf("admin.hosts[%d]", i),
				fmt.Sprintf("%q is not a host name; write the name alone, without scheme and port, such as gateway", name))
		}
	}
}
