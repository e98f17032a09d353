//go:build !race

package stage

// BuildFlags are none without the race detector, which needs a C compiler.
var BuildFlags []string
