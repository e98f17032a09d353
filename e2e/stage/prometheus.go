package stage

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"stagedoor/session/sessiontest"
)

// PrometheusTool returns where prometheus or promtool is, or skips the test with a sentence.
func PrometheusTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	sessiontest.Require(t, "prometheus", "Install Prometheus with promtool, such as Debian's package prometheus.", err == nil)
	return path
}

// Prometheus is a Prometheus process.
type Prometheus struct{ api string }

// StartPrometheus runs Prometheus with a configuration until the test ends, and waits until it listens.
func StartPrometheus(t testing.TB, config string) *Prometheus {
	t.Helper()
	folder, address := t.TempDir(), sessiontest.FreeAddress(t)
	file := filepath.Join(folder, "prometheus.yml")
	WriteFile(t, file, config)
	StartProxy(t, address, folder, PrometheusTool(t, "prometheus"), "--config.file", file,
		"--storage.tsdb.path", filepath.Join(folder, "data"), "--web.listen-address", address)
	return &Prometheus{api: "http://" + address + "/api/v1/"}
}

// Ask puts the data of an answer into result. Anything but a plain yes is an error, a warning too.
func (p *Prometheus) Ask(endpoint string, with url.Values, result any) error {
	response, err := http.Get(p.api + endpoint + "?" + with.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Status   string
		Error    string
		Warnings []string
		Data     json.RawMessage
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%s answered %d %s: %w", endpoint, response.StatusCode, text, err)
	}
	if answer.Status != "success" || len(answer.Warnings) > 0 {
		return fmt.Errorf("%s answered %s %s %v", endpoint, answer.Status, answer.Error, answer.Warnings)
	}
	return json.Unmarshal(answer.Data, result)
}

// Count returns how many series a query finds now.
func (p *Prometheus) Count(query string) (int, error) {
	var found struct{ Result []any }
	err := p.Ask("query", url.Values{"query": {query}}, &found)
	return len(found.Result), err
}

// Alert is an alert that fires.
type Alert struct {
	Labels, Annotations map[string]string
	State               string
}

// Firing are the alerts that fire.
func (p *Prometheus) Firing() ([]Alert, error) {
	var found struct{ Alerts []Alert }
	err := p.Ask("alerts", nil, &found)
	return slices.DeleteFunc(found.Alerts, func(a Alert) bool { return a.State != "firing" }), err
}
