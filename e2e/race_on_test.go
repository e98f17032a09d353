//go:build race

package e2e

// buildFlags make the gateways as watchful as the tests are.
var buildFlags = []string{"-race"}
