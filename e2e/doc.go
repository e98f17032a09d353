// Package e2e holds the tests that see Stagedoor as its users do: gateway processes behind a load balancer, a real Redis,
// the simulator in Spotify's place, and a real browser. TestFaults breaks what is around the gateway, under load, and
// writes docs/faults.md.
package e2e
