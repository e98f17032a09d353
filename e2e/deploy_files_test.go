package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// TestDeployedConfigurations has the gateway check the configurations of the other ways to run it.
func TestDeployedConfigurations(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	for _, name := range []string{"spotify_client_secret", "session_keys", "redis_password"} {
		stage.WriteFile(t, filepath.Join(secrets, name), session.NewKey().Reveal()+"\n")
	}
	kubernetes := filepath.Join(t.TempDir(), "config.yaml")
	stage.WriteFile(t, kubernetes, replaced(t, contentOf(t, deployed(t, "helm/check/testdata/config.yaml")), "/run/secrets/stagedoor", secrets))
	for file, environment := range map[string][]string{
		kubernetes: nil,
		deployed(t, "config.ha.yaml"): {
			"STAGEDOOR_PUBLIC_URL=https://127.0.0.1", "SPOTIFY_CLIENT_ID=x", "SPOTIFY_CLIENT_SECRET=x",
			"STAGEDOOR_SESSION_KEY=" + session.NewKey().Reveal(),
		},
	} {
		check := exec.Command(stage.Binary, "check", "-config", file)
		check.Env = append(environment, "PATH="+os.Getenv("PATH"))
		if output, err := check.CombinedOutput(); err != nil {
			t.Errorf("check -config %s: %v\n%s", file, err, output)
		}
	}
}

// TestUnit has systemd check the unit, which need not name a program that is installed here.
func TestUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	sessiontest.Require(t, "systemd", "Install systemd 250 or later, which Debian has.", err == nil)
	folder := t.TempDir()
	unit, socket := filepath.Join(folder, "stagedoor.service"), filepath.Join(folder, "stagedoor.socket")
	stage.WriteFile(t, unit, replaced(t, contentOf(t, deployed(t, "stagedoor.service")), "/usr/local/bin/stagedoor serve", stage.Binary+" serve"))
	stage.WriteFile(t, socket, contentOf(t, deployed(t, "stagedoor.socket")))
	if output, err := exec.Command(analyze, "verify", unit, socket).CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, output)
	}
}

// TestRunbooks checks that an alert leads to its own runbook, and that each reason of the README's has one.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]int{}
	for _, heading := range regexp.MustCompile("(?m)^#{2,4} (.+)$").FindAllStringSubmatch(string(page), -1) {
		for name := range strings.SplitSeq(heading[1], ", ") {
			headings[strings.Trim(name, "`")]++
		}
	}
	alerts := contentOf(t, deployed(t, "alerts.yml"))
	for _, name := range alertNames(t) {
		_, rule, _ := strings.Cut(alerts, "alert: "+name+"\n")
		rule, _, _ = strings.Cut(rule, "- alert: ")
		if !strings.Contains(rule, "runbook: docs/operations.md#"+strings.ToLower(name)+"\n") || headings[name] != 1 {
			t.Errorf("the alert %s does not lead to its heading in docs/operations.md, of which there are %d", name, headings[name])
		}
	}
	reasons := regexp.MustCompile("`([A-Z_]+)`").FindAllStringSubmatch(firstColumn(section(t, "## Errors")), -1)
	if len(reasons) < 10 {
		t.Fatalf("README.md tells %d reasons", len(reasons))
	}
	for _, reason := range reasons {
		if headings[reason[1]] != 1 {
			t.Errorf("docs/operations.md has %d runbooks for %s", headings[reason[1]], reason[1])
		}
	}
}
