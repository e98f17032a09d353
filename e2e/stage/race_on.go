//go:build race

package stage

// BuildFlags make the gateways as watchful as the tests are.
var BuildFlags = []string{"-race"}
