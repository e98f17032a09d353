package session

import (
	"context"
	"errors"
	"slices"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

// Settings are what may change while a Manager works; Options says what each is for.
type Settings struct {
	// Config replaces the one before. Its Store and its cookie's name must not change: the sessions are kept there, and
	// the proxies in use were made with the cookie names that they remove.
	Config  Config
	Refresh func(ctx context.Context, refreshToken secret.Text) (Grant, error)
	App     func(ctx context.Context) (Grant, error)
}

// settings are Settings in use. They are immutable.
type settings struct {
	Settings
	sealer *seal.Sealer
	cookie cookie
	logins loginCookies
}

func newSettings(s Settings, client string, secure bool) (*settings, error) {
	sealer, err := seal.New(s.Config.Keys, client)
	if err != nil {
		return nil, err
	}
	made := &settings{Settings: s, sealer: sealer}
	made.cookie, made.logins = newCookies(s.Config.Cookie, secure, s.Config.MaxLifetime)
	return made, nil
}

// Use puts other settings into use at once, or returns an error and changes nothing. Sessions go on, and so do refreshes
// under way: each session's next one waits for its last. Records are sealed under the new first key as they are written.
// From here on, a record that was sealed with a removed key counts as absent. A rejection of the client is forgotten,
// because the secret may be another one now.
func (m *Manager) Use(s Settings) error {
	last := m.settings.Load()
	if s.Config.Store != last.Config.Store || s.Config.Cookie.Name != last.Config.Cookie.Name {
		return errors.New("a manager keeps its store and the name of its cookie")
	}
	next, err := newSettings(s, m.options.Client, m.options.Secure)
	if err != nil {
		return err
	}
	m.settings.Store(next)
	m.refresher.backoffs.forgiveClient()
	if slices.ContainsFunc(last.Config.Keys, func(key secret.Text) bool { return !slices.ContainsFunc(s.Config.Keys, key.Equal) }) {
		m.cache.dropAll(m.options.Now()) // the copies are open already
	}
	return nil
}
