package session

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	const never = -1 * time.Second // never refreshed: the token came with the login
	for _, c := range []struct {
		name string

		age    time.Duration // since it was refreshed
		left   time.Duration // of its life
		before time.Duration
		want   bool
	}{
		{name: "much left", age: never, left: time.Hour, before: time.Minute, want: false},
		{name: "a moment too early", age: never, left: time.Minute + time.Millisecond, before: time.Minute, want: false},
		{name: "just due", age: never, left: time.Minute, before: time.Minute, want: true},
		{name: "ended", age: never, left: -time.Hour, before: time.Minute, want: true},
		{name: "refreshed long ago", age: 59 * time.Minute, left: time.Minute, before: time.Minute, want: true},
		{name: "at its end, without a margin", age: never, left: 0, before: 0, want: true},
		{name: "before its end, without a margin", age: never, left: time.Millisecond, before: 0, want: false},
		{name: "short-lived and just refreshed", age: 0, left: 30 * time.Second, before: time.Minute, want: false},
		{name: "short-lived, not half used", age: 14 * time.Second, left: 16 * time.Second, before: time.Minute, want: false},
		{name: "short-lived, half used", age: 15 * time.Second, left: 15 * time.Second, before: time.Minute, want: true},
		{name: "short-lived and ended", age: 31 * time.Second, left: -time.Second, before: time.Minute, want: true},
		{name: "short-lived from the login", age: never, left: 30 * time.Second, before: time.Minute, want: true},
		{name: "without any life", age: 0, left: 0, before: time.Minute, want: true},
	} {
		r := record{grant: Grant{Token: Token{Expiry: now.Add(c.left)}}}
		if c.age != never {
			r.refreshedAt = instantOf(now.Add(-c.age))
		}
		if got := r.due(now, c.before); got != c.want {
			t.Errorf("%s: due is %v, want %v", c.name, got, c.want)
		}
	}
}

func TestGoodAt(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	token := Token{Expiry: now}
	if !token.goodAt(now.Add(-time.Millisecond)) || token.goodAt(now) || (Token{}).goodAt(now) {
		t.Error("a token is good until its expiry and no longer, and one without expiry never")
	}
}
