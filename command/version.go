package command

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Build identifies the build of the program, where the linker sets it; empty fields come from Go's own build
// information.
type Build struct {
	Version, Commit string
	// Example is the text of the repository's config.yaml. The schema repeats its comments.
	Example string
}

func (b Build) complete() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	if b.Version == "" {
		b.Version = "dev"
	}
	for _, setting := range info.Settings {
		if b.Commit == "" && setting.Key == "vcs.revision" {
			b.Commit = setting.Value
		}
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}

// printVersion is the command that says which build this is.
func printVersion(_ context.Context, e environment, args []string) error {
	if err := parse(flag.NewFlagSet("version", flag.ContinueOnError), args); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.stdout, "stagedoor %s, commit %s, %s\n", e.build.Version, e.build.Commit, runtime.Version())
	return err
}
