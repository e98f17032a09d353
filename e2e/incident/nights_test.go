package incident

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"stagedoor/e2e/faultproxy"
	"stagedoor/e2e/stage"
	"stagedoor/session"
	"stagedoor/simulator"
)

// nights are all incidents.
func nights() []*night {
	return []*night{storeNight(), lostNight(), tokenNight(), trafficNight(), upstreamNight(), fileNight(), processNight(), rolloutNight(), goneNight()}
}

// storeNight is about Redis: full, gone, slow, and with answers that do not come.
func storeNight() *night {
	var proxy *faultproxy.Proxy
	full := func(n *night) { n.RedisDo("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction") }
	return &night{name: "Redis", speed: 60,
		options: func(*testing.T, *night) stage.Options {
			return stage.Options{Replicas: 2, Quota: "cache: 0", Prepare: func(w *stage.World) {
				proxy = stage.ListenBefore(w.T, w.Redis.Addr())
				w.Store = fmt.Sprintf("addresses: [%q]\ntimeout: 2s", proxy.Addr())
			}}
		},
		incidents: []incident{
			{alert: "StagedoorStoreFull", happen: full, book: &book{
				title: "Redis is full", shows: `nobody can log in[^$]*maxmemory:1\b`, page: "nobody can log in; raise its maxmemory", well: canLogIn,
			}},
			{alert: "StagedoorLoginsFail", happen: full, during: func(n *night) { canLogIn(n) },
				mend: func(n *night) { n.RedisDo("CONFIG", "SET", "maxmemory", "0") }},
			{alert: "StagedoorLogoutsFail",
				happen: func(n *night) {
					n.Redis.Kill()
					n.crowd[fans-1].Do(http.MethodPost, "/auth/logout", "")
				},
				mend: func(n *night) {
					n.Redis.Start()
					n.await("users are served again", func() bool { return served(n) })
				}},
			{alert: "StagedoorStoreDown", happen: func(n *night) { n.Redis.Kill() }, book: &book{
				title: "Redis is dead", shows: "the session store is not ready", page: "Not ready: the session store is not ready",
				person: func(n *night) {
					for i := range n.Out {
						if !n.Out[i].Load() {
							n.t.Errorf("without Redis the balancer sends requests to replica %d", i)
						}
					}
				},
			}},
			{alert: "StagedoorStoreSlow", happen: func(*night) { proxy.Set(faultproxy.Fault{Latency: 120 * time.Millisecond}) },
				mend: func(*night) { proxy.Set(faultproxy.Fault{}) }},
			{alert: "StagedoorStoreErrors", happen: func(*night) {},
				during: func(*night) { // no answer for more than the time-out, every now and then
					proxy.Set(faultproxy.Fault{HoldAnswers: time.Now().UnixMilli()%4000 < 2800})
				},
				mend: func(*night) { proxy.Set(faultproxy.Fault{}) }},
		}}
}

// lostNight is about new tokens that cannot be written for a minute.
func lostNight() *night {
	return &night{name: "lost tokens", speed: 60,
		options: func(*testing.T, *night) stage.Options { return stage.Options{} },
		incidents: []incident{{alert: "StagedoorTokensLost", happen: func(n *night) {
			n.Preset("token-slow-after", func(*simulator.Fault) {})
			n.Spotify.ForgetSeen()
			n.Spotify.ExpireAccessTokens()
			n.await("a token is being refreshed", func() bool { return len(n.Refreshes()) > 0 })
			n.Redis.Kill()
		}}}}
}

// tokenNight is about Spotify's token endpoint.
func tokenNight() *night {
	const next = "e2e-secret-of-the-night"
	return &night{name: "tokens", speed: 60,
		options: func(*testing.T, *night) stage.Options { return stage.Options{Replicas: 2} },
		incidents: []incident{
			{alert: "StagedoorClientMisconfigured",
				happen: func(n *night) {
					if err := n.Spotify.SetClientSecret(stage.ClientID, next); err != nil {
						n.t.Fatal(err)
					}
					n.Spotify.ExpireAccessTokens()
				},
				book: &book{title: "the client secret is wrong", shows: "client_secret", page: "Spotify refuses the client id or secret",
					person: func(n *night) {
						n.edit(fmt.Sprintf("client_secret: %q", stage.ClientSecret), fmt.Sprintf("client_secret: %q", next))
					}},
			},
			{alert: "StagedoorTokenEndpointFails",
				happen: func(n *night) {
					n.Preset("token-500", func(*simulator.Fault) {})
					n.Spotify.ExpireAccessTokens()
				},
				mend: func(n *night) {
					n.Spotify.ClearFaults()
					n.await("users are served again", func() bool { return served(n) })
				}},
		}}
}

// trafficNight is about too many requests: for the gateway, and for Spotify.
func trafficNight() *night {
	page := &frontend{}
	return &night{name: "traffic", speed: 60,
		options: func(t *testing.T, _ *night) stage.Options {
			return stage.Options{Replicas: 2, Server: "max_in_flight: 8", Quota: "calls: 0\nwindow: 5s\ncache: 0", Routes: page.routes(t)}
		},
		incidents: []incident{
			{alert: "StagedoorOverloaded", happen: func(*night) { page.slow.Store(int64(3 * time.Second)) }, book: &book{
				title: "overload", shows: `stagedoor_requests_rejected_total\{reason="OVERLOADED"\} [1-9]`, page: "rejected as OVERLOADED",
				person: func(n *night) { n.edit("max_in_flight: 8", "max_in_flight: 1000") },
				well:   notOverloaded,
			}, mend: func(*night) { page.slow.Store(0) }},
			{alert: "StagedoorGateClosed", happen: func(n *night) { n.ban(15 * time.Second) }, book: &book{
				title: "429 for everybody", shows: `stagedoor_quota_gate_seconds [1-9]`, page: "no calls leave until",
				person: func(n *night) { n.edit("calls: 0", "calls: 1000") },
			}},
			{alert: "StagedoorRateLimited", happen: func(*night) {}, during: func(n *night) { n.ban(5 * time.Second) },
				mend: func(n *night) { n.await("users are served again", func() bool { return served(n) }) }},
			{alert: "StagedoorQuotaNearlyUsedUp",
				happen: func(n *night) {
					n.edit("calls: 1000", "calls: 20")
					n.reload()
				},
				mend: func(n *night) {
					n.edit("calls: 20", "calls: 1000")
					n.reload()
				}},
		}}
}

// upstreamNight is about what is behind the gateway, and grants that end there.
func upstreamNight() *night {
	page := &frontend{}
	return &night{name: "upstreams", speed: 60,
		options: func(t *testing.T, _ *night) stage.Options {
			return stage.Options{Replicas: 2, Quota: "cache: 0", Routes: page.routes(t)}
		},
		incidents: []incident{
			{alert: "StagedoorErrors", happen: func(*night) { page.broken.Store(true) }, mend: func(*night) { page.broken.Store(false) }},
			{alert: "StagedoorUpstreamFails", happen: func(n *night) { n.Preset("api-503", func(f *simulator.Fault) { f.Header = nil }) },
				mend: func(n *night) { n.Spotify.ClearFaults() }},
			{alert: "StagedoorSlow", happen: func(n *night) { n.Preset("api-slow", func(f *simulator.Fault) { f.Delay = 4 * time.Second }) },
				mend: func(n *night) { n.Spotify.ClearFaults() }},
			{alert: "StagedoorGrantsEnd", happen: func(n *night) {
				for _, f := range n.crowd[:fans/2] {
					if _, err := n.Spotify.RevokeUser(f.User); err != nil {
						n.t.Fatal(err)
					}
				}
			}},
		}}
}

// fileNight is about the files of the gateway: its configuration, keys, audit lines, and certificate.
func fileNight() *night {
	var audit, key string
	secure := &secureGateway{}
	return &night{name: "files", speed: 60,
		options: func(t *testing.T, n *night) stage.Options {
			audit, key = auditFile(t), session.NewKey().Reveal()
			return stage.Options{Replicas: 2, Log: "info, audit_file: " + audit, Server: "max_path: 1000"}
		},
		incidents: []incident{
			{alert: "StagedoorReloadRefused",
				happen: func(n *night) {
					n.edit("max_path:", "max_pth:")
					n.reload()
				},
				mend: func(n *night) {
					n.edit("max_pth:", "max_path:")
					n.reload()
				}},
			{alert: "StagedoorUsersLoggedOut",
				happen: func(n *night) {
					n.edit(fmt.Sprintf("keys: [%q]", n.Key.Reveal()), fmt.Sprintf("keys: [%q]", key))
					n.reload()
				},
				book: &book{
					title: "many are logged out", shows: `reason="key_removed"\} [1-9][^$]*key_removed`, page: "users were logged out, reason key_removed",
					person: func(n *night) {
						n.edit(fmt.Sprintf("keys: [%q]", key), fmt.Sprintf("keys: [%q, %q]", key, n.Key.Reveal()))
					},
				}},
			{alert: "StagedoorAuditNotWritten",
				happen: func(n *night) {
					n.point(audit, "/dev/full")
					n.reload()
				},
				during: func(n *night) { canLogIn(n) },
				mend: func(n *night) {
					n.point(audit, audit+".real")
					n.reload()
				}},
			{alert: "StagedoorCertificateExpires", happen: func(n *night) { secure.start(n, 10*24*time.Hour) }},
			{alert: "StagedoorCertificateExpired", happen: secure.expire, book: &book{
				title: "the certificate has expired", shows: "the certificate expired on", page: "browsers reject it",
				person: func(n *night) { secure.renew(n, 90*24*time.Hour) },
				well:   func(*night) bool { return secure.trusted() },
			}},
		}}
}

// processNight is about gateways that are odd in a fleet: one without files, one with a log that is not read.
func processNight() *night {
	return &night{name: "processes", speed: 60,
		options: func(*testing.T, *night) stage.Options { return stage.Options{} },
		incidents: []incident{
			{alert: "StagedoorLogLinesDropped", happen: dropLines, mend: func(n *night) { n.more[0].Reading.Unlock() }},
			{alert: "StagedoorFilesRunOut", happen: openFiles, mend: func(n *night) { n.forget(n.more[len(n.more)-1]) }},
		}}
}

// rolloutNight is about a rollout that is not finished.
func rolloutNight() *night {
	return &night{name: "rollout", speed: 180,
		options:   func(*testing.T, *night) stage.Options { return stage.Options{} },
		incidents: []incident{{alert: "StagedoorMixedVersions", happen: anotherBuild}},
	}
}

// goneNight is about replicas that end.
func goneNight() *night {
	return &night{name: "gone", speed: 15,
		options: func(*testing.T, *night) stage.Options { return stage.Options{Replicas: 2} },
		incidents: []incident{
			{alert: "StagedoorDown", happen: func(n *night) { n.Replicas[1].Kill() },
				mend: func(n *night) {
					n.Replicas[1].Start()
					n.await("Prometheus sees it", func() bool { return n.finds(`up{job="stagedoor"} == 1`) == 2 })
				}},
			{alert: "StagedoorRestarting", happen: func(*night) {}, during: restart},
			{alert: "StagedoorGone", happen: func(n *night) {
				for _, p := range n.Replicas {
					p.Kill()
				}
			}},
		}}
}
