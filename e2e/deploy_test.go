package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// deployed returns the path of a file that operators take over.
func deployed(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAlertRules has promtool check the alerts, and try on made-up series when they fire and when they do not.
func TestAlertRules(t *testing.T) {
	stage.OnlyLong(t, "half a minute of promtool")
	t.Parallel()
	promtool := stage.PrometheusTool(t, "promtool")
	for _, args := range [][]string{
		{"check", "config", deployed(t, "prometheus.yml")}, // its rules too
		{"test", "rules", deployed(t, "alerts_test.yml")},
	} {
		if output, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, output)
		}
	}
	tried := contentOf(t, deployed(t, "alerts_test.yml"))
	for _, name := range alertNames(t) {
		if !strings.Contains(tried, fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing"`, name)) {
			t.Errorf("alerts_test.yml has no case in which %s fires", name)
		}
	}
}

func alertNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(contentOf(t, deployed(t, "alerts.yml")), -1) {
		names = append(names, match[1])
	}
	if len(names) == 0 {
		t.Fatal("alerts.yml has no alerts")
	}
	return names
}

// TestQueries lets a real Prometheus scrape a gateway that has seen some traffic, and asks it whatever the dashboard and
// the alerts ask. Every selector must find something: a name or a label's value that is misspelt finds nothing, for ever.
func TestQueries(t *testing.T) {
	stage.OnlyLong(t, "a real Prometheus asks every query")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{})
	v := w.Visitor()
	v.Login("ada")
	v.Get("/api/me").Expect(t, "a call", http.StatusOK, "")
	v.Get("/").Expect(t, "a page", http.StatusOK, "")
	m := startPrometheus(t, w.Replicas[0].Admin)
	queries := append(dashboardQueries(t), m.ruleQueries()...)
	if len(queries) < 20 {
		t.Fatalf("%d queries are too few to be all", len(queries))
	}
	for _, q := range queries {
		m.expect(q)
	}
}

// query is one question to Prometheus, and the file that asks it.
type query struct{ asker, text string }

var (
	selector = regexp.MustCompile(`(\w+)\{[^}]*\}`)
	metric   = regexp.MustCompile(`\b(?:stagedoor|process|go)_\w+|\bup\b`)
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// dashboardQueries returns the queries of the dashboard, with its variables filled in as Grafana does.
func dashboardQueries(t *testing.T) []query {
	t.Helper()
	type target struct{ Expr string }
	var dashboard struct {
		Panels []struct {
			Type, Title, Description string
			Targets                  []target
		}
		Annotations struct{ List []target }
		Templating  struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal([]byte(contentOf(t, deployed(t, "grafana-dashboard.json"))), &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries []query
	add := func(asker, text string) {
		queries = append(queries, query{asker, strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(text)})
	}
	for _, p := range dashboard.Panels {
		if p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("the panel %q says nothing, or not what it shows", p.Title)
		}
		for _, one := range p.Targets {
			add("the panel "+p.Title, one.Expr)
		}
	}
	for _, one := range dashboard.Annotations.List {
		add("an annotation", one.Expr)
	}
	for _, v := range dashboard.Templating.List {
		if inner, isQuery := strings.CutPrefix(v.Definition, "label_values("); isQuery {
			add("the variable "+v.Name, selector.FindString(inner))
		}
	}
	return queries
}

// monitor is a Prometheus process that scrapes a gateway.
type monitor struct {
	*stage.Prometheus
	t *testing.T
}

// startPrometheus runs the scrape configuration that operators get, quickened, and waits until it has scraped twice.
func startPrometheus(t *testing.T, admin string) *monitor {
	t.Helper()
	m := &monitor{t: t, Prometheus: stage.StartPrometheus(t, replaced(t, contentOf(t, deployed(t, "prometheus.yml")),
		"gateway:9090", admin, "[alerts.yml]", fmt.Sprintf("[%q]", deployed(t, "alerts.yml")),
		"scrape_interval: 15s", "scrape_interval: 500ms", "evaluation_interval: 15s", "evaluation_interval: 500ms"))}
	sessiontest.Eventually(t, stage.StartTime, "Prometheus has scraped the gateway", func() bool {
		found, err := m.Count(`count_over_time(up{job="stagedoor"}[1m]) > 1 and up{job="stagedoor"} == 1`)
		return err == nil && found == 1
	})
	return m
}

// ruleQueries waits until every alert has been evaluated, and returns what they ask.
func (m *monitor) ruleQueries() []query {
	m.t.Helper()
	var queries []query
	sessiontest.Eventually(m.t, stage.StartTime, "Prometheus has evaluated every alert", func() bool {
		var found struct {
			Groups []struct {
				Rules []struct{ Name, Query, Health, LastError string }
			}
		}
		if err := m.Ask("rules", nil, &found); err != nil {
			m.t.Fatal(err)
		}
		queries = nil
		for _, group := range found.Groups {
			for _, rule := range group.Rules {
				if rule.Health == "err" {
					m.t.Fatalf("the alert %s: %s", rule.Name, rule.LastError)
				}
				if rule.Health != "ok" {
					return false
				}
				queries = append(queries, query{"the alert " + rule.Name, rule.Query})
			}
		}
		return len(queries) == len(alertNames(m.t))
	})
	return queries
}

// expect wants the query to be valid, each of its selectors to find something, and labels that it groups by to exist.
func (m *monitor) expect(q query) {
	m.t.Helper()
	var result any
	if err := m.Ask("query", url.Values{"query": {q.text}}, &result); err != nil {
		m.t.Errorf("%s: %v\n%s", q.asker, err, q.text)
	}
	if bare := metric.FindString(selector.ReplaceAllString(q.text, "")); bare != "" {
		m.t.Errorf("%s asks for %s of every job; name the job:\n%s", q.asker, bare, q.text)
	}
	labels := map[string]bool{"le": true}
	selectors := selector.FindAllString(q.text, -1)
	for _, one := range selectors {
		var series []map[string]string
		if err := m.Ask("series", url.Values{"match[]": {one}}, &series); err != nil || len(series) == 0 {
			m.t.Errorf("%s: nothing matches %s, %v", q.asker, one, err)
		}
		if !strings.Contains(one, `job="stagedoor"`) {
			m.t.Errorf("%s asks for %s of every job", q.asker, one)
		}
		for _, found := range series {
			for label := range found {
				labels[label] = true
			}
		}
	}
	if len(selectors) == 0 {
		m.t.Errorf("%s asks for nothing: %q", q.asker, q.text)
	}
	for _, clause := range grouping.FindAllStringSubmatch(q.text, -1) {
		for label := range strings.SplitSeq(clause[1], ", ") {
			if !labels[label] {
				m.t.Errorf("%s groups by %q, which nothing has:\n%s", q.asker, label, q.text)
			}
		}
	}
}
