package config

import (
	"reflect"

	"stagedoor/proxy"
)

// Change says how a configuration differs from the one that it succeeds in a running process, by the names of keys.
type Change struct {
	// Changed are the keys with new values in the configuration; a list or a map is one key.
	Changed []string
	// Kept are the keys with new values that need a restart: the configuration has the old ones.
	Kept []string
}

// fixed are the keys that a running process cannot change, and why.
var fixed = map[string]string{
	"server.listen":              "the listener is open",
	"server.public_url":          "cookies, links and the redirect URI of logins under way belong to it",
	"server.max_header":          "net/http's server keeps it",
	"server.read_header_timeout": "net/http's server keeps it",
	"server.keepalive_timeout":   "net/http's server keeps it",
	"server.max_streams":         "net/http's server keeps it",
	"admin.listen":               "the listener is open",
	"admin.pprof":                "its pages are made with the listener",
	"log.format":                 "a log has one format",
	"log.audit_file":             "audit lines wait for the file in use",
	"spotify.client_id":          "the tokens of all sessions belong to it",
	"session.store":              "the sessions lie there",
	"session.cookie.name":        "it would log everybody out, and tell a frontend the old cookie",
	"redis.addresses":            "the sessions lie there",
	"redis.sentinel_master":      "the sessions lie there",
	"redis.sentinel_username":    "the sentinels are asked with it",
	"redis.sentinel_password":    "the sentinels are asked with it",
	"redis.database":             "the sessions lie there",
	"redis.key_prefix":           "the sessions lie there",
	"redis.tls":                  "the connections are made",
	"redis.timeout":              "the connections are made",
	"tracing":                    "the connection to the collector is made",
}

// Succeed lets l take the place of running in the same process: of the keys that need a restart it takes on the old
// values. The error is a Problems when its other values do not go together with them; then l must not be used.
func (l *Loaded) Succeed(running Config) (Change, error) {
	var change Change
	old, own := reflect.ValueOf(running), reflect.ValueOf(&l.Config).Elem()
	change.compare("", old, own)
	if len(change.Kept) == 0 {
		return change, nil
	}
	l.Warnings = check(&l.Config, l.decoder)
	if problems := l.decoder.problems; len(problems) > 0 {
		for i := range problems {
			problems[i].Text += " (together with the values in use of keys that need a restart)"
		}
		problems.sort()
		return change, problems
	}
	return change, nil
}

// compare walks through two structs of one type.
func (c *Change) compare(section string, old, own reflect.Value) {
	for _, k := range keysOf(own.Type()) {
		if k.twin {
			continue
		}
		name, was, is := join(section, k.name), old.Field(k.index), own.Field(k.index)
		if reflect.DeepEqual(was.Interface(), is.Interface()) {
			continue
		}
		switch {
		case stays(name, was, is):
			c.Kept = append(c.Kept, name)
			is.Set(was)
		case is.Kind() == reflect.Struct && is.Type() != secretType:
			c.compare(name, was, is)
		default:
			c.Changed = append(c.Changed, name)
		}
	}
}

// stays tells whether a key needs a restart for its new value. A listener goes on speaking TLS, or not; the files of its
// certificate may be others.
func stays(name string, was, is reflect.Value) bool {
	if name == "server.tls" {
		return was.Interface().(proxy.TLSConfig).CertFile == "" || is.Interface().(proxy.TLSConfig).CertFile == ""
	}
	_, stays := fixed[name]
	return stays
}
