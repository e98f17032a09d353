package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plan says which packages of ours each package may import; see docs/decisions.md. A package that is not here must be
// added with a reason.
var plan = map[string][]string{
	".":               {"command"},
	"command":         {"command/gateway", "command/logging", "config", "flows", "internal/outcome", "proxy", "proxy/listen", "proxy/policy", "secret", "session", "session/redisstore", "simulator", "web"},
	"command/gateway": {"client", "command/logging", "config", "flows", "flows/token", "internal/dial", "internal/httperror", "internal/metrics", "internal/outcome", "internal/overview", "internal/tracing", "proxy", "proxy/admin", "proxy/limit", "proxy/listen", "proxy/live", "proxy/quota", "session", "session/memstore", "session/redisstore"},
	"command/logging": {"config", "secret"},
	// Their Configs.
	"config": {"flows", "internal/bytesize", "internal/httperror", "proxy", "proxy/live", "proxy/quota", "secret", "session", "session/redisstore", "internal/spelling", "internal/webapi", "internal/tracing"},
	// A size as config.yaml writes it.
	"internal/bytesize": {},
	// Connections that notice silence.
	"internal/dial": {},
	// Never proxy: command mounts both.
	"flows":       {"flows/token", "internal/httperror", "internal/outcome", "internal/page", "secret", "session", "internal/spelling", "internal/webapi"},
	"flows/token": {"internal/dial", "secret", "session", "internal/tracing"},
	// Turns its errors into answers.
	"internal/httperror": {"internal/page", "session"},
	// Shows what was counted.
	"internal/overview": {"internal/httperror", "internal/metrics", "internal/outcome", "internal/page"},
	// The frame, whatever stands in it.
	"internal/page": {},
	// The others say in interfaces what they report.
	"internal/metrics": {"internal/outcome"},
	// The values of the metrics' labels, for the packages that count.
	"internal/outcome": {},
	// The others decide what is one.
	"secret": {},
	// Must not know OAuth or HTTP routes.
	"session": {"internal/outcome", "secret", "internal/tracing", "session/seal"},
	// What the store keeps is encrypted in one place.
	"session/seal": {"internal/outcome", "secret"},
	// The store that replicas share.
	"session/redisstore": {"internal/dial", "secret", "session", "internal/tracing"},
	// The store of one process.
	"session/memstore":    {"session"},
	"session/sessiontest": {"session", "session/redisstore"},
	// Could stand in any project's place of Spotify.
	"simulator":         {},
	"internal/spelling": {},
	"web":               {},
	// The npm package, of which the gateway serves one module.
	"client": {},
	// The only importer of OpenTelemetry.
	"internal/tracing": {"internal/dial", "secret"},
	// A collector for tests.
	"internal/tracing/tracingtest": {},
	// Facts about Spotify.
	"internal/webapi": {},
	// Sees the rest as a process.
	"e2e":          {}, // its tests, and those of attack and fault, see the rest as a process
	"e2e/attack":   {},
	"e2e/fault":    {},
	"e2e/frontend": {},
	"e2e/incident": {},
	"e2e/stage":    {"e2e/faultproxy", "secret", "session", "session/sessiontest", "simulator"},
	// Measures Stagedoor from outside, as a process.
	"bench": {"proxy/proxytest", "simulator"},
	// Harms TCP and knows no protocol.
	"e2e/faultproxy": {},

	"proxy/quota": {"internal/bytesize", "proxy/policy"}, // spends the calls of a client id
	// Neither sessions nor Spotify: a Source asks for it.
	"proxy/live": {"internal/outcome"},
	// What the process and a client may do at a time, whatever the request is.
	"proxy/limit": {},
	// A folder, by what its files hold.
	"proxy/files": {"proxy/policy"},
	// Addresses in answers.
	"proxy/links": {"proxy/policy"},
	// Pure rules: they need the request alone.
	"proxy/policy": {},
	// Corpora for the tests of several packages.
	"proxy/proxytest": {},
	// Never flows.
	"proxy": {"internal/bytesize", "internal/dial", "internal/httperror", "internal/outcome", "internal/tracing", "internal/webapi", "proxy/files", "proxy/limit", "proxy/links", "proxy/live", "proxy/policy", "proxy/quota", "secret", "session"},
	// The public listener, by the configuration of what it serves.
	"proxy/listen": {"proxy"},
	// The admin listener.
	"proxy/admin": {},
}

// only says which files alone may import a package from outside, and why.
var only = []struct{ path, files, why string }{
	{"github.com/gorilla/sessions", "session/cookie.go session/*_test.go", "its default cookie is unsafe: one file sets every option"},
	{"github.com/redis/go-redis/v9", "session/redisstore/*.go session/sessiontest/*.go proxy/quota/redis.go proxy/quota/*_test.go", "a failover is handled in one place"},
	{"github.com/goccy/go-yaml", "config/*.go secret/*_test.go", "only the configuration is YAML"},
	{"github.com/santhosh-tekuri/jsonschema", "config/*_test.go", "the loader checks the configuration; the schema is for editors"},
	{"github.com/prometheus", "internal/metrics/*.go", "the other packages do not know how metrics are read"},
	{"go.opentelemetry.io", "internal/tracing/*.go internal/tracing/tracingtest/*.go e2e/*_test.go", "the other packages say which steps there are"},
	{"github.com/klauspost/compress", "proxy/links/*.go", "elsewhere compress/gzip is fast enough"},
	{"html/template", "", "it links text/template"},
	{"text/template", "", "with it, the linker keeps every method without a caller (linker_test.go)"},
	{"maragu.dev/gomponents", "internal/page/*.go internal/httperror/page*.go flows/fragment.go flows/connect.go internal/overview/document.go simulator/*page*.go", "only pages are HTML"},
	{"golang.org/x/oauth2", "flows/*.go flows/token/*.go simulator/*_test.go", "OAuth is spoken in one place"},
	{"testing", "*_test.go */*_test.go */*/*_test.go e2e/stage/*.go session/sessiontest/*.go", "no product code depends on tests"},
}

// TestImportPlan keeps the packages apart.
func TestImportPlan(t *testing.T) {
	walkSource(t, func(path string, file *ast.File) {
		folder := filepath.ToSlash(filepath.Dir(path))
		allowed, planned := plan[folder]
		if !planned {
			t.Errorf("%s: the package %s is not in the plan", path, folder)
		}
		isTest := strings.HasSuffix(path, "_test.go")
		for _, spec := range file.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			ours, isOurs := strings.CutPrefix(imported, "stagedoor/")
			if isOurs && !isTest && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which the plan does not allow to %s", path, imported, folder)
			}
			for _, ban := range only {
				if (imported == ban.path || strings.HasPrefix(imported, ban.path+"/")) && !matches(ban.files, path) {
					t.Errorf("%s imports %s: only %s may, because %s", path, imported, ban.files, ban.why)
				}
			}
		}
	})
}

// TestPackageComments checks that every package says once what it is for.
func TestPackageComments(t *testing.T) {
	comments := map[string][]string{}
	walkSource(t, func(path string, file *ast.File) {
		folder := filepath.ToSlash(filepath.Dir(path))
		if _, known := comments[folder]; !known {
			comments[folder] = nil
		}
		if file.Doc != nil {
			comments[folder] = append(comments[folder], path)
		}
	})
	for folder, files := range comments {
		if len(files) != 1 {
			t.Errorf("package %s has its comment in %v, want it in one file", folder, files)
		}
	}
}

func matches(patterns, path string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(pattern string) bool {
		matched, err := filepath.Match(pattern, filepath.ToSlash(path))
		return err == nil && matched
	})
}

func walkSource(t *testing.T, visit func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules" || len(entry.Name()) > 1 && entry.Name()[0] == '.') {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); entry.IsDir() && path != "." && err == nil {
			return filepath.SkipDir // a module of its own
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		visit(path, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
