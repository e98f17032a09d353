package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// TestOperatorsDay is one day with three replicas behind a load balancer: a deployment with a typo, a new session key, a new
// client secret, an outage of Redis, somebody who has to go, and a rolling restart. Outside of the outage nobody who is
// logged in notices anything.
func TestOperatorsDay(t *testing.T) {
	stage.OnlyLong(t, "all of an operator's commands")
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "client_secret")
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Users: 4, Server: "shutdown_delay: 2s", KnownAdmin: true})
	d := &operatorsDay{World: w, t: t, crowd: w.Crowd(4), secret: secret}
	d.refuseTypo()
	d.underLoad("while keys and secrets change", func() {
		d.rotateSessionKey()
		d.rotateClientSecret()
	})
	d.breakRedis()
	d.revoke()
	d.underLoad("while all replicas restart", d.restartAll)
	for _, p := range w.Replicas {
		if status, said := p.Ask("/readyz"); status != 200 {
			t.Errorf("in the evening a replica says %d %s", status, said)
		}
	}
}

type operatorsDay struct {
	*stage.World
	t          *testing.T
	crowd      []stage.Fan
	secret     string // the file of the client's
	restarting [3]atomic.Bool
}

// refuseTypo deploys a file with a slip of the pen, which says what is wrong and starts nothing.
func (d *operatorsDay) refuseTypo() {
	p := d.Replicas[0]
	edit(p, "shutdown_delay:", "shutdown_dely:")
	for _, command := range []string{"check", "serve"} {
		code, _, said := stage.Stagedoor(d.t, nil, command, "-config", p.Config)
		if code != 2 || !strings.Contains(said, "shutdown_dely") || !strings.Contains(said, "did you mean shutdown_delay?") {
			d.t.Errorf("%s with a typo: code %d, %s", command, code, said)
		}
	}
	expectSaid(d.t, "a reload with a typo", reload(p), notReloaded, "shutdown_dely")
	edit(p, "shutdown_dely:", "shutdown_delay:")
	expectSaid(d.t, "a reload without it", reload(p), reloaded)
}

// underLoad does something while users send requests, of which none may fail.
func (d *operatorsDay) underLoad(when string, act func()) {
	d.t.Helper()
	h, stop := stage.NewHistory(), make(chan struct{})
	var load sync.WaitGroup
	for i, p := range d.Replicas {
		load.Go(func() { d.WatchReady(i, p.Admin, &d.restarting[i], stop) })
	}
	load.Go(func() { d.Steadily(60, stop, func(n int) { h.Me(d.crowd[n%len(d.crowd)]) }) })
	act()
	close(stop)
	load.Wait()
	if h.Count() == 0 || h.Count(stage.OK) != h.Count() {
		d.t.Errorf("%s: %v", when, h)
	}
	d.t.Logf("%s: %v, slowest %v", when, h, h.Longest(stage.OK))
}

// rotateSessionKey gives every replica the new key before any seals with it.
func (d *operatorsDay) rotateSessionKey() {
	fresh := session.NewKey().Reveal()
	old := d.Key.Reveal()
	for _, keys := range []string{fmt.Sprintf("[%q, %q]", old, fresh), fmt.Sprintf("[%q, %q]", fresh, old)} {
		for _, p := range d.Replicas {
			was := fmt.Sprintf("[%q]", old)
			if strings.HasPrefix(keys, fmt.Sprintf("[%q", fresh)) {
				was = fmt.Sprintf("[%q, %q]", old, fresh)
			}
			edit(p, "keys: "+was, "keys: "+keys)
			expectSaid(d.t, "another session key", reload(p), reloaded, `"session.keys"`)
		}
	}
}

// rotateClientSecret changes it at Spotify and in its file, which the replicas watch.
func (d *operatorsDay) rotateClientSecret() {
	const next = "e2e-secret-of-the-afternoon"
	stage.WriteFile(d.t, d.secret, stage.ClientSecret+"\n")
	for _, p := range d.Replicas {
		edit(p, fmt.Sprintf("client_secret: %q", stage.ClientSecret), "client_secret_file: "+d.secret)
		expectSaid(d.t, "the secret in a file", reload(p), reloaded)
	}
	var at []int
	for _, p := range d.Replicas {
		at = append(at, len(p.Log()))
	}
	if err := d.Spotify.SetClientSecret(stage.ClientID, next); err != nil {
		d.t.Fatal(err)
	}
	stage.WriteFile(d.t, d.secret, next+"\n")
	for i, p := range d.Replicas {
		expectSaid(d.t, "the new secret", awaitReload(p, at[i]), reloaded, `"spotify.client_secret"`)
	}
	d.Spotify.ExpireAccessTokens() // from here on every session needs it
	for _, f := range d.crowd {
		f.ExpectMe(f.User)
	}
}

// breakRedis looks at what the operator sees of an outage, and that it heals.
func (d *operatorsDay) breakRedis() {
	d.Redis.Stop()
	for _, p := range d.Replicas {
		sessiontest.Eventually(d.t, stage.StartTime, "a replica says that it is not ready", func() bool { return !p.Ready() })
		if _, said := p.Ask("/readyz"); !strings.Contains(said, "the session store is not ready: connection refused") {
			d.t.Errorf("without Redis a replica says %s", said)
		}
		if got := headline(p, d.t); !strings.HasPrefix(got, "Not ready: the session store is not ready: connection refused") {
			d.t.Errorf("without Redis the page says %q", got)
		}
	}
	d.Redis.Start()
	sessiontest.Eventually(d.t, stage.StartTime, "every session works on every replica", func() bool {
		h := stage.NewHistory()
		for i := range d.Replicas {
			d.Through(i)
			h.All(d.crowd, 1)
		}
		d.Through(-1)
		return h.Count(stage.OK) == h.Count()
	})
}

// revoke ends the sessions of one user.
func (d *operatorsDay) revoke() {
	gone := d.crowd[len(d.crowd)-1]
	d.crowd = d.crowd[:len(d.crowd)-1]
	if said := d.Operate(d.t, "sessions", "revoke", "-user", gone.User); said != "1 sessions ended.\n" {
		d.t.Errorf("revoke says %q", said)
	}
	gone.ExpectOut("after revoke")
	for _, f := range d.crowd {
		f.ExpectMe(f.User)
	}
}

// restartAll restarts one replica after the other, as a deployment does.
func (d *operatorsDay) restartAll() {
	for i, p := range d.Replicas {
		d.restarting[i].Store(true)
		p.Restart()
		d.restarting[i].Store(false)
	}
}
