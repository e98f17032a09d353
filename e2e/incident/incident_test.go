package incident

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"stagedoor/e2e/stage"
)

var (
	// shipped has the incidents with a runbook alone, by the clock of deploy/: the table of docs/operations.md is made with it.
	shipped = flag.Bool("shipped-windows", false, "alerts wait as long as deploy/alerts.yml says; only incidents with commands in their runbook")
	// pictures is where pictures of the operator's page are left.
	pictures = flag.String("pictures", "", "the folder for pictures of the operator's page during each incident; empty takes none")
)

// incident is something that goes wrong.
type incident struct {
	alert string // the alert that must fire
	// happen breaks something. During is called again and again until the alert fires; it may be nil.
	happen, during func(n *night)
	// mend puts it right, where no runbook does. It may be nil.
	mend func(n *night)
	// book is how the runbook of the alert is followed; nil where it has no commands.
	book *book
}

// night is a deployment in which one incident follows another.
type night struct {
	name string
	// speed is by how much time runs faster for Prometheus: by it all durations of the rules are divided.
	speed int
	// options are those of the world, which may have more users, and a frontend.
	options   func(t *testing.T, n *night) stage.Options
	incidents []incident

	*stage.World
	t          *testing.T
	prometheus *stage.Prometheus
	targets    string // the file with what Prometheus scrapes
	scraped    []string
	crowd      []stage.Fan
	more       []*stage.Process // gateways beside the replicas
}

// TestAlertsFire has each alert of deploy/alerts.yml called by an incident, in gateway processes that a Prometheus scrapes, behind a
// balancer that sends nothing to a replica whose /readyz says no. Where a runbook has commands, it is followed to its end.
func TestAlertsFire(t *testing.T) {
	stage.OnlyLong(t, "two minutes of incidents")
	stage.PrometheusTool(t, "prometheus")
	var (
		mu   sync.Mutex // guards told
		told []line
	)
	t.Run("night", func(t *testing.T) {
		for _, n := range nights() {
			t.Run(n.name, func(t *testing.T) {
				t.Parallel()
				n.t = t
				lines := n.pass()
				mu.Lock()
				defer mu.Unlock()
				told = append(told, lines...)
			})
		}
	})
	t.Logf("the incidents whose runbook has commands:\n%s", table(t, told))
}

// TestEveryAlertHasAnIncident compares the lists.
func TestEveryAlertHasAnIncident(t *testing.T) {
	var alerts, incidents []string
	for _, match := range regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(content(t, "../../deploy/alerts.yml"), -1) {
		alerts = append(alerts, match[1])
	}
	for _, n := range nights() {
		for _, i := range n.incidents {
			incidents = append(incidents, i.alert)
		}
	}
	slices.Sort(alerts)
	slices.Sort(incidents)
	if !slices.Equal(alerts, incidents) {
		t.Errorf("the alerts are\n%q, and those with an incident\n%q", alerts, incidents)
	}
}

// pass lets one incident follow another, and returns what following the runbooks took.
func (n *night) pass() []line {
	if *shipped {
		n.speed = 1
		n.incidents = slices.DeleteFunc(n.incidents, func(i incident) bool { return i.book == nil })
		if len(n.incidents) == 0 {
			n.t.Skip("no runbook of this night has commands")
		}
	}
	o := n.options(n.t, n)
	o.Users, o.KnownAdmin, o.Obedient = max(o.Users, fans), true, true
	n.World = stage.NewWorld(n.t, o)
	n.crowd = n.Crowd(fans)
	n.watch()
	n.monitor()
	n.load()
	var lines []line
	for _, i := range n.incidents {
		if l := n.suffer(i); i.book != nil {
			lines = append(lines, l)
		}
	}
	return lines
}

// suffer lets an incident happen, waits for its alert, and mends it.
func (n *night) suffer(i incident) line {
	n.await("no alert "+i.alert+" is left from before", func() bool { return !n.firing(i.alert) })
	begun := time.Now()
	i.happen(n)
	n.await("the alert "+i.alert+" fires", func() bool {
		if i.during != nil {
			i.during(n)
		}
		return n.firing(i.alert)
	})
	l := line{alert: i.alert, toPage: time.Since(begun)}
	n.t.Logf("%s fires after %v", i.alert, l.toPage.Round(100*time.Millisecond))
	if i.book != nil {
		n.follow(i, &l)
	}
	if i.mend != nil {
		i.mend(n)
	}
	return l
}

// await waits for what an incident comes to.
func (n *night) await(what string, done func() bool) {
	n.t.Helper()
	const limit = 8 * time.Minute // only an alert that never fires takes so long
	deadline := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			n.t.Fatalf("Within %v it did not come true that %s.\n%s", limit, what, n.told())
		}
	}
}

// content is the text of a file.
func content(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
