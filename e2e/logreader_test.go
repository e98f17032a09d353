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

	"stagedoor/session/sessiontest"
)

// TestLogReaderStandsStill has the reader of the log take nothing: everything is answered all the same, /readyz says what
// happens, and when the reader goes on, each audit line is there, and each access line is there or counted.
func TestLogReaderStandsStill(t *testing.T) {
	w := newWorld(t, options{users: 3})
	p := w.replicas[0]
	p.reading.Lock()
	floodRequests(t, p, 6000)
	for i := 1; i <= 3; i++ {
		v := w.visitor()
		v.login(fmt.Sprintf("fan%04d", i))
		v.do("GET", "/api/me", "").expect(t, "an API call", 200, "")
		v.do("POST", "/auth/logout", "").expect(t, "a logout", 204, "")
	}
	if status, said := p.ask("/readyz"); status != http.StatusOK || !strings.Contains(said, "log lines are being dropped") {
		t.Errorf("/readyz says %d %q", status, said)
	}
	p.reading.Unlock()
	sessiontest.Eventually(t, startTime, "the reader has all audit lines", func() bool {
		return len(p.logged(func(l logLine) bool { return l.Msg == "audit" && (l.Event == "login" || l.Event == "logout") })) == 6
	})
	sessiontest.Eventually(t, startTime, "nothing is being dropped any more", func() bool {
		status, said := p.ask("/readyz")
		return status == http.StatusOK && said == "ready\n"
	})
	requests, dropped := metricSum(p, "stagedoor_http_requests_total"), metricSum(p, "stagedoor_log_lines_dropped_total")
	if dropped == 0 {
		t.Error("no line was dropped")
	}
	sessiontest.Eventually(t, startTime, "each access line is there or counted", func() bool {
		return len(p.logged(func(l logLine) bool { return l.Msg == "request" }))+dropped == requests
	})
}

// floodRequests sends requests, of which none may take long.
func floodRequests(t *testing.T, p *process, requests int) {
	t.Helper()
	const clients = 8
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for range requests / clients {
				response, err := client.Get("http://" + p.public() + "/")
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
func metricSum(p *process, name string) int {
	p.t.Helper()
	_, text := p.ask("/metrics")
	sum := 0.0
	for _, sample := range regexp.MustCompile(`(?m)^`+name+`(?:\{.*\})? (.*)$`).FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(sample[1], 64)
		if err != nil {
			p.t.Fatal(err)
		}
		sum += value
	}
	return int(sum)
}

// TestLogReaderIsDead has a reader that never goes on: the process ends on SIGTERM all the same.
func TestLogReaderIsDead(t *testing.T) {
	w := newWorld(t, options{server: "shutdown_timeout: 1s"})
	p := w.replicas[0]
	p.reading.Lock()
	defer p.reading.Unlock()
	floodRequests(t, p, 4000)
	p.signal(syscall.SIGTERM)
	sessiontest.Eventually(t, startTime, "the process has ended", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
		return err == nil && strings.Contains(string(stat), ") Z ") // until the test's reader waits for it
	})
}
