package simulator

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RateLimit is how many calls of the Web API a client may make. Spotify counts them over all users of a client id in a
// rolling window (https://developer.spotify.com/documentation/web-api/concepts/rate-limits). A rejected call does not
// count. The zero value limits nothing.
type RateLimit struct {
	// Calls is how many calls a client may make in any Window; zero for any number.
	Calls int `json:"calls"`
	// Images is the same for PUT /playlists/{id}/images, which has a limit of its own; zero for any number.
	Images int `json:"images"`
	// Window is the time that counts; zero means 30 seconds. In JSON it is a text such as "30s".
	Window Duration `json:"window"`
	// Ban is how long all calls are rejected once the limit was exceeded; zero means until there is a place in the window.
	Ban Duration `json:"ban"`
	// Grow is by how much each call during a ban makes it longer.
	Grow Duration `json:"grow"`
	// RetryAfter is what the header of a 429 says; empty means the whole seconds that are left, and "none" means no header.
	RetryAfter string `json:"retry_after"`
	// Reason is the reason in a 429's body, such as QUOTA_EXCEEDED; empty means none.
	Reason string `json:"reason"`
}

// Duration is a time.Duration that is a text in JSON.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

func (l RateLimit) check() error {
	if l.Calls < 0 || l.Images < 0 || l.Window < 0 || l.Ban < 0 || l.Grow < 0 {
		return errors.New("calls, images, window, ban and grow must not be negative")
	}
	return nil
}

// SetRateLimit changes the limit of every client, and forgets what was counted and banned.
func (s *Server) SetRateLimit(l RateLimit) error {
	if err := l.check(); err != nil {
		return err
	}
	if l.Window == 0 {
		l.Window = Duration(30 * time.Second)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit, s.meters = l, map[string]*meter{}
	return nil
}

// Ban rejects all calls of a client for so long, whatever it has called before.
func (s *Server) Ban(client string, d time.Duration) error {
	if _, known := s.client(client); !known {
		return errNoClient
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meterLocked(client).banned = s.nowLocked().Add(d)
	return nil
}

// meter counts the calls of one client against one limit.
type meter struct {
	times  []time.Time // of the calls in the window
	banned time.Time   // until when all are rejected
}

func (s *Server) meterLocked(key string) *meter {
	m := s.meters[key]
	if m == nil {
		m = &meter{}
		s.meters[key] = m
	}
	return m
}

// limitLocked counts a call of a client, or rejects it.
func (s *Server) limitLocked(client string, r *http.Request) error {
	key, most := client, s.limit.Calls
	if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/v1/playlists/") && strings.HasSuffix(r.URL.Path, "/images") {
		key, most = client+" images", s.limit.Images
	}
	m, now, window := s.meterLocked(key), s.nowLocked(), time.Duration(s.limit.Window)
	if now.Before(m.banned) {
		m.banned = m.banned.Add(time.Duration(s.limit.Grow))
		return s.tooMany(m.banned.Sub(now))
	}
	for len(m.times) > 0 && now.Sub(m.times[0]) >= window {
		m.times = m.times[1:]
	}
	if most == 0 || len(m.times) < most {
		if most > 0 {
			m.times = append(m.times, now)
		}
		return nil
	}
	left := window - now.Sub(m.times[0])
	if s.limit.Ban > 0 {
		left = time.Duration(s.limit.Ban)
		m.banned = now.Add(left)
	}
	return s.tooMany(left)
}

// tooMany is a 429 that lasts so long.
func (s *Server) tooMany(left time.Duration) error {
	retryAfter := s.limit.RetryAfter
	switch retryAfter {
	case "":
		retryAfter = strconv.Itoa(int((left + time.Second - 1) / time.Second))
	case "none":
		retryAfter = ""
	}
	return &apiError{
		status: http.StatusTooManyRequests, message: "API rate limit exceeded", reason: s.limit.Reason, retryAfter: retryAfter,
	}
}
