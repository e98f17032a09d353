package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// TestOperatorsDay is one day with three replicas behind a load balancer: a deployment with a typo, a new session key, a new
// client secret, an outage of Redis, somebody who has to go, and a rolling restart. Outside of the outage nobody who is
// logged in notices anything.
func TestOperatorsDay(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "client_secret")
	w := newWorld(t, options{replicas: 3, users: 4, server: "shutdown_delay: 2s", knownAdmin: true})
	d := &operatorsDay{world: w, t: t, crowd: w.crowd(4), secret: secret}
	d.refuseTypo()
	d.underLoad("while keys and secrets change", func() {
		d.rotateSessionKey()
		d.rotateClientSecret()
	})
	d.breakRedis()
	d.revoke()
	d.underLoad("while all replicas restart", d.restartAll)
	for _, p := range w.replicas {
		if status, said := p.ask("/readyz"); status != 200 {
			t.Errorf("in the evening a replica says %d %s", status, said)
		}
	}
}

type operatorsDay struct {
	*world
	t          *testing.T
	crowd      []fan
	secret     string // the file of the client's
	restarting [3]atomic.Bool
}

// refuseTypo deploys a file with a slip of the pen, which says what is wrong and starts nothing.
func (d *operatorsDay) refuseTypo() {
	p := d.replicas[0]
	p.edit("shutdown_delay:", "shutdown_dely:")
	for _, command := range []string{"check", "serve"} {
		code, _, said := stagedoor(d.t, nil, command, "-config", p.config)
		if code != 2 || !strings.Contains(said, "shutdown_dely") || !strings.Contains(said, "did you mean shutdown_delay?") {
			d.t.Errorf("%s with a typo: code %d, %s", command, code, said)
		}
	}
	expectSaid(d.t, "a reload with a typo", p.reload(), notReloaded, "shutdown_dely")
	p.edit("shutdown_dely:", "shutdown_delay:")
	expectSaid(d.t, "a reload without it", p.reload(), reloaded)
}

// underLoad does something while users send requests, of which none may fail.
func (d *operatorsDay) underLoad(when string, act func()) {
	d.t.Helper()
	h, stop := newHistory(), make(chan struct{})
	var load sync.WaitGroup
	for i, p := range d.replicas {
		load.Go(func() { d.watchReady(i, p.admin, &d.restarting[i], stop) })
	}
	load.Go(func() { d.steadily(60, stop, func(n int) { h.me(d.crowd[n%len(d.crowd)]) }) })
	act()
	close(stop)
	load.Wait()
	if h.count() == 0 || h.count(ok) != h.count() {
		d.t.Errorf("%s: %v", when, h)
	}
	d.t.Logf("%s: %v, slowest %v", when, h, h.longest(ok))
}

// rotateSessionKey gives every replica the new key before any seals with it.
func (d *operatorsDay) rotateSessionKey() {
	fresh := session.NewKey().Reveal()
	old := d.key.Reveal()
	for _, keys := range []string{fmt.Sprintf("[%q, %q]", old, fresh), fmt.Sprintf("[%q, %q]", fresh, old)} {
		for _, p := range d.replicas {
			was := fmt.Sprintf("[%q]", old)
			if strings.HasPrefix(keys, fmt.Sprintf("[%q", fresh)) {
				was = fmt.Sprintf("[%q, %q]", old, fresh)
			}
			p.edit("keys: "+was, "keys: "+keys)
			expectSaid(d.t, "another session key", p.reload(), reloaded, `"session.keys"`)
		}
	}
}

// rotateClientSecret changes it at Spotify and in its file, which the replicas watch.
func (d *operatorsDay) rotateClientSecret() {
	const next = "e2e-secret-of-the-afternoon"
	writeFile(d.t, d.secret, clientSecret+"\n")
	for _, p := range d.replicas {
		p.edit(fmt.Sprintf("client_secret: %q", clientSecret), "client_secret_file: "+d.secret)
		expectSaid(d.t, "the secret in a file", p.reload(), reloaded)
	}
	var at []int
	for _, p := range d.replicas {
		at = append(at, len(p.log()))
	}
	if err := d.spotify.SetClientSecret(clientID, next); err != nil {
		d.t.Fatal(err)
	}
	writeFile(d.t, d.secret, next+"\n")
	for i, p := range d.replicas {
		expectSaid(d.t, "the new secret", p.awaitReload(at[i]), reloaded, `"spotify.client_secret"`)
	}
	d.spotify.ExpireAccessTokens() // from here on every session needs it
	for _, f := range d.crowd {
		f.expectMe(f.user)
	}
}

// breakRedis looks at what the operator sees of an outage, and that it heals.
func (d *operatorsDay) breakRedis() {
	d.redis.Stop()
	for _, p := range d.replicas {
		sessiontest.Eventually(d.t, startTime, "a replica says that it is not ready", func() bool { return !p.ready() })
		if _, said := p.ask("/readyz"); !strings.Contains(said, "the session store is not ready: connection refused") {
			d.t.Errorf("without Redis a replica says %s", said)
		}
		if got := p.headline(d.t); !strings.HasPrefix(got, "Not ready: the session store is not ready: connection refused") {
			d.t.Errorf("without Redis the page says %q", got)
		}
	}
	d.redis.Start()
	sessiontest.Eventually(d.t, startTime, "every session works on every replica", func() bool {
		h := newHistory()
		for i := range d.replicas {
			d.through(i)
			h.all(d.crowd, 1)
		}
		d.through(-1)
		return h.count(ok) == h.count()
	})
}

// revoke ends the sessions of one user.
func (d *operatorsDay) revoke() {
	gone := d.crowd[len(d.crowd)-1]
	d.crowd = d.crowd[:len(d.crowd)-1]
	if said := d.operate(d.t, "sessions", "revoke", "-user", gone.user); said != "1 sessions ended.\n" {
		d.t.Errorf("revoke says %q", said)
	}
	gone.expectOut("after revoke")
	for _, f := range d.crowd {
		f.expectMe(f.user)
	}
}

// restartAll restarts one replica after the other, as a deployment does.
func (d *operatorsDay) restartAll() {
	for i, p := range d.replicas {
		d.restarting[i].Store(true)
		p.restart()
		d.restarting[i].Store(false)
	}
}
