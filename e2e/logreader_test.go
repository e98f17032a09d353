package e2e

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestLogReaderStandsStill has the reader of the log take nothing: everything is answered all the same, /readyz says what
// happens, and when the reader goes on, each audit line is there, and each access line is there or counted.
func TestLogReaderStandsStill(t *testing.T) {
	stage.OnlyLong(t, "thousands of log lines")
	w := stage.NewWorld(t, stage.Options{Users: 3})
	p := w.Replicas[0]
	p.Reading.Lock()
	floodRequests(t, p, 6000)
	for i := 1; i <= 3; i++ {
		v := w.Visitor()
		v.Login(fmt.Sprintf("fan%04d", i))
		v.Do("GET", "/api/me", "").Expect(t, "an API call", 200, "")
		v.Do("POST", "/auth/logout", "").Expect(t, "a logout", 204, "")
	}
	if status, said := p.Ask("/readyz"); status != http.StatusOK || !strings.Contains(said, "log lines are being dropped") {
		t.Errorf("/readyz says %d %q", status, said)
	}
	p.Reading.Unlock()
	sessiontest.Eventually(t, time.Minute, "the reader has all audit lines", func() bool {
		return len(p.Logged(func(l stage.LogLine) bool { return l.Msg == "audit" && (l.Event == "login" || l.Event == "logout") })) == 6
	})
	sessiontest.Eventually(t, time.Minute, "nothing is being dropped any more", func() bool {
		status, said := p.Ask("/readyz")
		return status == http.StatusOK && said == "ready\n"
	})
	requests, dropped := metricSum(p, "stagedoor_http_requests_total"), metricSum(p, "stagedoor_log_lines_dropped_total")
	if dropped == 0 {
		t.Error("no line was dropped")
	}
	sessiontest.Eventually(t, time.Minute, "each access line is there or counted", func() bool {
		return len(p.Logged(func(l stage.LogLine) bool { return l.Msg == "request" }))+dropped == requests
	})
}

// floodRequests sends requests, of which none may take long.
func floodRequests(t *testing.T, p *stage.Process, requests int) {
	t.Helper()
	const clients = 8
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for range requests / clients {
				response, err := client.Get("http://" + p.Public() + "/")
				if err != nil {
					t.Error(err)
					return
				}
				_ = response.Body.Close() // only its status counts
			}
		})
	}
	group.Wait()
}

// metricSum adds up the samples of a metric.
func metricSum(p *stage.Process, name string) int {
	p.T.Helper()
	_, text := p.Ask("/metrics")
	sum := 0.0
	for _, sample := range regexp.MustCompile(`(?m)^`+name+`(?:\{.*\})? (.*)$`).FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(sample[1], 64)
		if err != nil {
			p.T.Fatal(err)
		}
		sum += value
	}
	return int(sum)
}

// TestLogReaderIsDead has a reader that never goes on: the process ends on SIGTERM all the same.
func TestLogReaderIsDead(t *testing.T) {
	stage.OnlyLong(t, "thousands of log lines")
	w := stage.NewWorld(t, stage.Options{Server: "shutdown_timeout: 1s"})
	p := w.Replicas[0]
	p.Reading.Lock()
	defer p.Reading.Unlock()
	floodRequests(t, p, 4000)
	p.Signal(syscall.SIGTERM)
	sessiontest.Eventually(t, stage.StartTime, "the process has ended", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Command.Process.Pid))
		return err == nil && strings.Contains(string(stat), ") Z ") // until the test's reader waits for it
	})
}
