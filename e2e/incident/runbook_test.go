package incident

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// book is how a runbook of docs/operations.md is followed: its first block of commands looks, a person does what the text says, and
// its last block mends.
type book struct {
	title string // what it is, for the table
	// shows is what the first block must show, and page what the operator's page must say; both are regular expressions.
	shows, page string
	// person does what the text tells to do between the blocks; nil for nothing.
	person func(n *night)
	// well tells whether users are served again; nil is served.
	well func(n *night) bool
}

// line is a line of the table.
type line struct {
	alert, title, page string
	toPage, toRecovery time.Duration
}

// table is what following the runbooks took, as docs/operations.md has it.
func table(t testing.TB, lines []line) string {
	t.Helper()
	slices.SortFunc(lines, func(a, b line) int { return strings.Compare(a.title, b.title) })
	rules := content(t, "../../deploy/alerts.yml")
	text := "| incident | alert | until it fires | of it, `for` | until users are served again | what the operator's page says |\n|---|---|---|---|---|---|\n"
	for _, l := range lines {
		_, rule, _ := strings.Cut(rules, "alert: "+l.alert+"\n")
		rule, _, _ = strings.Cut(rule, "- alert:")
		waits := "–"
		if match := forClause.FindStringSubmatch(rule); match != nil {
			waits = match[1]
		}
		text += fmt.Sprintf("| %s | [%s](#%s) | %.0f s | %s | %.1f s | %s |\n",
			l.title, l.alert, strings.ToLower(l.alert), l.toPage.Seconds(), waits, l.toRecovery.Seconds(), l.page)
	}
	return text
}

var forClause = regexp.MustCompile(`(?m)^ +for: (\S+)$`)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// blocks are the commands that the runbook of an alert has.
func (n *night) blocks(alert string, annotations map[string]string) []string {
	n.t.Helper()
	if want := "docs/operations.md#" + strings.ToLower(alert); annotations["runbook"] != want || annotations["summary"] == "" {
		n.t.Errorf("%s: the annotations are %v; want the runbook %s", alert, annotations, want)
	}
	commands := shellBlocks(n.t, "\n### "+alert+"\n")
	if len(commands) != 2 {
		n.t.Fatalf("the runbook of %s has %d blocks of commands, want one that looks and one that mends", alert, len(commands))
	}
	return commands
}

// follow does what the runbook of an incident says.
func (n *night) follow(i incident, l *line) {
	b, p := i.book, n.Replicas[0]
	told := n.alert(i.alert)
	for _, q := range append(slices.Clone(n.Replicas), n.more...) {
		if q.Admin == told.Labels["instance"] {
			p = q
		}
	}
	l.title = b.title
	shell := n.shell(p)
	blocks := n.blocks(i.alert, told.Annotations)
	l.page = n.page(p, i)

	called := time.Now()
	shows := regexp.MustCompile(b.shows)
	n.await("the commands of "+i.alert+" show "+b.shows, func() bool { // on a busy machine, perhaps not at the first look
		looked, _ := shell(blocks[0]) // a command that looks at what is broken may fail
		if strings.Contains(looked, "not found") {
			n.t.Fatalf("%s: the commands show\n%s", i.alert, looked)
		}
		return shows.MatchString(looked)
	})
	if b.person != nil {
		b.person(n)
	}
	if said, err := shell("set -e\n" + blocks[1]); err != nil {
		n.t.Errorf("%s: the commands that mend fail: %v\n%s", i.alert, err, said)
	}
	well := served
	if b.well != nil {
		well = b.well
	}
	n.await("users are served again after "+i.alert, func() bool { return well(n) })
	l.toRecovery = time.Since(called)
	n.t.Logf("%s: users are served again %v after the first command", i.alert, l.toRecovery.Round(100*time.Millisecond))
}

// page is what the operator's page says of the incident, in its headline or among what stands below it.
func (n *night) page(p *stage.Process, i incident) (said string) {
	expected := regexp.MustCompile(`[^<>]*(?:` + i.book.page + `)[^<>]*`)
	n.await("the operator's page says of "+i.alert+": "+i.book.page, func() bool {
		_, page := p.Ask("/")
		_, rest, _ := strings.Cut(html.UnescapeString(page), "<h1>")
		said = expected.FindString(rest)
		return said != "" && !strings.HasPrefix(rest, "All is well")
	})
	if *pictures != "" {
		tab := stage.Chromium(n.t)
		stage.Act(n.t, tab, "the operator's page", chromedp.EmulateViewport(1280, 900),
			chromedp.Navigate("http://"+p.Admin+"/?refresh=off"), chromedp.WaitVisible(chromedp.CSS("footer")))
		picture := stage.Read(n.t, tab, "a picture", chromedp.CaptureScreenshot())
		if err := os.WriteFile(filepath.Join(*pictures, "incident-"+i.alert+".png"), picture, 0o600); err != nil {
			n.t.Error(err)
		}
	}
	return said
}

// shell returns what runs commands as an operator does on the machine of a gateway: stagedoor is in the PATH, and systemctl does to
// the processes of the test what systemd would do.
func (n *night) shell(p *stage.Process) func(commands string) (output string, err error) {
	n.t.Helper()
	folder := n.t.TempDir()
	if err := os.Symlink(stage.Binary, filepath.Join(folder, "stagedoor")); err != nil {
		n.t.Fatal(err)
	}
	services := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/reload/stagedoor":
			for _, q := range append(slices.Clone(n.Replicas), n.more...) {
				q.Signal(syscall.SIGHUP)
			}
		case "/start/redis-server":
			n.Redis.Start()
		default:
			http.Error(w, "this machine has no such service", http.StatusNotFound)
		}
	}))
	n.t.Cleanup(services.Close)
	systemctl := filepath.Join(folder, "systemctl")
	if err := os.WriteFile(systemctl, []byte("#!/bin/sh\nexec curl -fsS "+services.URL+"/$1/$2\n"), 0o700); err != nil {
		n.t.Fatal(err)
	}
	environment := []string{
		"PATH=" + folder + ":" + os.Getenv("PATH"), "ADMIN=http://" + p.Admin, "STAGEDOOR_CONFIG=" + p.Config,
		"REDIS_URL=redis://" + n.Redis.Addr(), "USER_ID=" + n.crowd[0].User,
	}
	return func(commands string) (string, error) {
		var output bytes.Buffer
		command := exec.CommandContext(n.t.Context(), "sh", "-c", commands)
		command.Env, command.Dir, command.Stdout, command.Stderr = environment, folder, &output, &output
		err := command.Run()
		return output.String(), err
	}
}
