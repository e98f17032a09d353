// Package e2e holds the tests that see Stagedoor as its users do: gateway processes behind a load balancer, a real Redis,
// the simulator in Spotify's place, and a real browser.
package e2e
