// Stagedoor is a gateway between a web frontend and Spotify: it logs browser users in, keeps their tokens on the server,
// and forwards API calls with the bearer attached and fresh.
package main

import (
	_ "embed" // config.yaml
	"os"

	"stagedoor/command"
)

// version and commit are set by the linker: -ldflags "-X main.version=… -X main.commit=…".
var version, commit string

// example is the configuration that shows and explains every key.
//
//go:embed config.yaml
var example string

func main() {
	os.Exit(command.Main(command.Build{Version: version, Commit: commit, Example: example}))
}
