//go:build !race

package e2e

// buildFlags are none without the race detector, which needs a C compiler.
var buildFlags []string
