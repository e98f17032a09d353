package incident

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"stagedoor/e2e/stage"
)

const (
	// fans are the users of a night, more than StagedoorUsersLoggedOut wants.
	fans = 16
	// rate is how many requests a second they send.
	rate = 16
	// scrapeAtMost is how often Prometheus scrapes when time runs faster.
	scrapeAtMost = time.Second
	// readyEvery is how often the balancer asks a replica whether it is ready, and readyTimeout how long it waits.
	readyEvery, readyTimeout = 500 * time.Millisecond, 3 * time.Second
)

// duration is one of Prometheus' in a rule: [5m], or for: 30s.
var duration = regexp.MustCompile(`(\[|: )(\d+)([smh])\b`)

// hurried divides all durations of a file by the night's speed.
func (n *night) hurried(text string) string {
	return duration.ReplaceAllStringFunc(text, func(found string) string {
		part := duration.FindStringSubmatch(found)
		d, err := time.ParseDuration(part[2] + part[3])
		if err != nil {
			n.t.Fatal(err)
		}
		return part[1] + strconv.FormatInt((d/time.Duration(n.speed)).Milliseconds(), 10) + "ms"
	})
}

// monitor starts a Prometheus with the configuration and the alerts of deploy/, and waits until it has scraped every replica.
func (n *night) monitor() {
	folder := n.t.TempDir()
	rules := filepath.Join(folder, "alerts.yml")
	stage.WriteFile(n.t, rules, n.hurried(content(n.t, "../../deploy/alerts.yml")))
	n.targets = filepath.Join(folder, "targets.json")
	for _, p := range n.Replicas {
		n.scraped = append(n.scraped, p.Admin)
	}
	n.writeTargets()
	config := content(n.t, "../../deploy/prometheus.yml")
	config = strings.Replace(config, "[alerts.yml]", fmt.Sprintf("[%q]", rules), 1)
	config = strings.Replace(config, `static_configs:
      - targets: ["gateway:9090"]`, fmt.Sprintf("file_sd_configs: [{files: [%q]}]", n.targets), 1)
	if n.speed > 1 {
		every := max(scrapeAtMost, 15*time.Second/time.Duration(n.speed))
		config = strings.ReplaceAll(config, "_interval: 15s", fmt.Sprintf("_interval: %dms", every.Milliseconds()))
	}
	n.prometheus = stage.StartPrometheus(n.t, config)
	n.await("Prometheus has scraped every replica", func() bool { return n.finds(`up{job="stagedoor"} == 1`) == len(n.Replicas) })
}

// scrape adds a gateway to those that Prometheus scrapes, and forget takes it away again.
func (n *night) scrape(p *stage.Process) {
	n.more = append(n.more, p)
	n.scraped = append(n.scraped, p.Admin)
	n.writeTargets()
}

func (n *night) forget(p *stage.Process) {
	n.more = slices.DeleteFunc(n.more, func(other *stage.Process) bool { return other == p })
	n.scraped = slices.DeleteFunc(n.scraped, func(admin string) bool { return admin == p.Admin })
	n.writeTargets()
}

func (n *night) writeTargets() {
	text, err := json.Marshal([]map[string][]string{{"targets": n.scraped}})
	if err != nil {
		n.t.Fatal(err)
	}
	stage.WriteFile(n.t, n.targets, string(text))
}

// finds is how many series a query finds; -1 when it cannot be asked.
func (n *night) finds(query string) int {
	found, err := n.prometheus.Count(query)
	if err != nil {
		return -1
	}
	return found
}

// firing tells whether an alert calls somebody.
func (n *night) firing(alert string) bool {
	return n.finds(fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing"}`, alert)) > 0
}

// alert is what an alert that fires says of the first for which it does. A scrape that came too late may have ended it for a moment.
func (n *night) alert(name string) (found stage.Alert) {
	n.t.Helper()
	n.await("the alert "+name+" is told with its annotations", func() bool {
		firing, err := n.prometheus.Firing()
		i := slices.IndexFunc(firing, func(a stage.Alert) bool { return a.Labels["alertname"] == name })
		if err != nil || i < 0 {
			return false
		}
		found = firing[i]
		return true
	})
	return found
}

// told is what Prometheus says of all alerts, for a test that fails.
func (n *night) told() string {
	var found struct{ Alerts []map[string]any }
	if err := n.prometheus.Ask("alerts", nil, &found); err != nil {
		return err.Error()
	}
	text, _ := json.MarshalIndent(found.Alerts, "", " ") // of strings
	var scrapes struct{ Result []any }
	_ = n.prometheus.Ask("query", url.Values{"query": {`up{job="stagedoor"}`}}, &scrapes) // the alerts say more
	return fmt.Sprintf("alerts: %s\nup: %v", text, scrapes.Result)
}

// watch has the balancer leave out each replica while its /readyz does not say yes.
func (n *night) watch() {
	stop := make(chan struct{})
	var watching sync.WaitGroup
	client := &http.Client{Timeout: readyTimeout}
	for i, p := range n.Replicas {
		admin := p.Admin
		watching.Go(func() {
			tick := time.NewTicker(readyEvery)
			defer tick.Stop()
			for {
				response, err := client.Get("http://" + admin + "/readyz")
				if err == nil {
					_ = response.Body.Close() // its status counts
				}
				n.Out[i].Store(err != nil || response.StatusCode != http.StatusOK)
				select {
				case <-tick.C:
				case <-stop:
					return
				}
			}
		})
	}
	n.t.Cleanup(func() {
		close(stop)
		watching.Wait()
		client.CloseIdleConnections()
	})
}

// load lets the fans ask for themselves and for the frontend's page until the night is over.
func (n *night) load() {
	stop := make(chan struct{})
	var loading sync.WaitGroup
	loading.Go(func() {
		n.Steadily(rate, stop, func(i int) {
			path := "/api/me"
			if i/2%2 == 0 { // the balancer takes turns between two replicas, and each should see both paths
				path = "/"
			}
			_, _ = n.crowd[(i+i/len(n.crowd)*2)%len(n.crowd)].Try(http.MethodGet, path, "") // the metrics tell
		})
	})
	n.t.Cleanup(func() {
		close(stop)
		loading.Wait()
	})
}

// served tells whether every fan is.
func served(n *night) bool {
	for _, f := range n.crowd {
		if a, err := f.Try(http.MethodGet, "/api/me", ""); err != nil || a.Status != http.StatusOK {
			return false
		}
	}
	return true
}
