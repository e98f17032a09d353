package webapi

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/scopes.md anew")

// TestScopesPage keeps docs/scopes.md to the table of operations.
func TestScopesPage(t *testing.T) {
	var page strings.Builder
	page.WriteString(`# Which operation asks for which scope

What Spotify documents for each operation of its [Web API](https://developer.spotify.com/documentation/web-api). Where several scopes stand,
all are needed, or one of them, or each adds to the answer: Spotify's list does not say which. Operations without a scope work for any
user, and most of them for the app itself (` + "`credentials: app`" + `). Those marked † are withdrawn from apps in development mode, and some
day from all.

This page is made of the table in ` + "`internal/webapi`" + `: ` + "`go test ./internal/webapi -run ScopesPage -update`" + `.

| operation | scopes |
|---|---|
`)
	rows := slices.Clone(operations)
	slices.SortStableFunc(rows, func(a, b Operation) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method)) })
	for _, o := range rows {
		mark, scopes := "", "–"
		if o.Deprecated {
			mark = " †"
		}
		if len(o.Scopes) > 0 {
			scopes = "`" + strings.Join(o.Scopes, "` `") + "`"
		}
		page.WriteString("| `" + o.Method + " " + o.Path + "`" + mark + " | " + scopes + " |\n")
	}
	file := filepath.Join("..", "..", "docs", "scopes.md")
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != page.String() {
		t.Errorf("%s is not the table of operations (%v); run this test with -update", file, err)
	}
}
