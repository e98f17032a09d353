package fault

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"stagedoor/e2e/stage"
)

// smallGateway starts a gateway without Redis, in front of a frontend that takes its time.
func smallGateway(r *trial, files int, takes time.Duration, env ...string) *stage.Process {
	frontend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-time.After(takes):
			_, _ = io.WriteString(w, "hello")
		case <-q.Context().Done():
		}
	}))
	r.Cleanup(frontend.Close)
	config := filepath.Join(r.TempDir(), "config.yaml")
	stage.WriteFile(r, config, fmt.Sprintf(`
server: {listen: 127.0.0.1:0}
admin: {listen: 127.0.0.1:0, pprof: true}
spotify: {client_id: id, client_secret: secret}
session: {store: memory, keys: [AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=]}
routes: [{path: /, upstream: %q, credentials: none}]
`, frontend.URL))
	return stage.StartLimited(r, config, files, env...)
}

// loadAnswers are the times that answers took, by what they were.
type loadAnswers struct {
	mu    sync.Mutex // guards times
	times map[string][]time.Duration
}

func (a *loadAnswers) add(what string, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times[what] = append(a.times[what], took)
}

// slowest returns the longest time of an answer.
func (a *loadAnswers) slowest(what string) time.Duration {
	if len(a.times[what]) == 0 {
		return 0
	}
	return slices.Max(a.times[what])
}

// others returns how many answers were none of these.
func (a *loadAnswers) others(known ...string) (count int, text string) {
	for what, times := range a.times {
		if !slices.Contains(known, what) {
			count += len(times)
			text += fmt.Sprintf("%d × %s ", len(times), what)
		}
	}
	return count, text
}

const (
	answered = "200"
	rejected = "503 OVERLOADED"
)

// ask sends a request and keeps what became of it.
func (a *loadAnswers) ask(client *http.Client, url string) {
	begun := time.Now()
	res, err := client.Get(url)
	if err != nil {
		a.add("no answer", time.Since(begun))
		return
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close() // it was read
	what := strings.TrimSpace(fmt.Sprintf("%d %s", res.StatusCode, res.Header.Get("Stagedoor-Reason")))
	if err != nil || what == rejected && res.Header.Get("Retry-After") == "" {
		what += " cut, or without Retry-After"
	}
	a.add(what, time.Since(begun))
}

// send sends so many requests a second for a time, whatever becomes of them, and waits for their ends.
func (a *loadAnswers) send(p *stage.Process, perSecond int, length time.Duration) {
	transport := &http.Transport{MaxIdleConnsPerHost: 10_000}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	var group sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for end := time.After(length); ; {
		select {
		case <-tick.C:
			group.Go(func() { a.ask(client, "http://"+p.Listen+"/") })
			continue
		case <-end:
		}
		group.Wait()
		return
	}
}

// filesRunOut has a replica with few files asked for more than it can do, by a frontend that has become slow.
func filesRunOut(r *trial) {
	const files = 256
	perSecond, length, takes := size(r, 150, 300), size(r, 2*time.Second, 20*time.Second), size(r, time.Second, 2*time.Second)
	p := smallGateway(r, files, takes)
	r.loaded("one replica with ulimit -n %d, %d requests a second for %v of a frontend that takes %v", files, perSecond, length, takes)
	answers := &loadAnswers{times: map[string][]time.Duration{}}
	stop, watched := make(chan struct{}), make(chan struct{})
	ready, notReady, mostFiles := 0, 0, 0
	go func() {
		defer close(watched)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			if res, err := http.Get("http://" + p.Admin + "/readyz"); err == nil && res.StatusCode == http.StatusOK {
				_ = res.Body.Close() // only its status counts
				ready++
			} else {
				notReady++
			}
			if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Command.Process.Pid)); err == nil {
				mostFiles = max(mostFiles, len(open))
			}
		}
	}()
	answers.send(p, perSecond, length)
	close(stop)
	<-watched
	others, text := answers.others(answered, rejected)
	r.expect("each request has its answer or 503 OVERLOADED with Retry-After", others == 0 && len(answers.times[rejected]) > 0, "%s", text)
	r.expect("rejections come at once", answers.slowest(rejected) < r.within(time.Second), "one came after %v", answers.slowest(rejected))
	r.expect("the served ones keep their latency", len(answers.times[answered]) > 0 && answers.slowest(answered) < takes+r.within(time.Second),
		"the slowest took %v", answers.slowest(answered))
	r.expect("health checks are answered", notReady == 0 && ready > 0, "%d of %d said no", notReady, ready+notReady)
	r.expect("files are left", mostFiles < files, "%d were open", mostFiles)
	r.measure("%d × 200, slowest %.2f s; %d × 503 OVERLOADED, slowest %.2f s; at most %d files open", len(answers.times[answered]),
		answers.slowest(answered).Seconds(), len(answers.times[rejected]), answers.slowest(rejected).Seconds(), mostFiles)
}

// memoryIsSmall opens many connections to a replica with the memory of a container of 128 MiB.
func memoryIsSmall(r *trial) {
	const memory = 128
	connections, length := size(r, 500, 5000), size(r, 2*time.Second, 10*time.Second)
	p := smallGateway(r, 0, time.Millisecond, fmt.Sprintf("GOMEMLIMIT=%dMiB", memory*9/10))
	r.loaded("one replica in a container of %d MiB, %d connections that have asked once and stay, then 100 requests a second", memory, connections)
	served := 0
	for range connections {
		conn, err := net.Dial("tcp", p.Listen)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(stage.StartTime))
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // the answer tells
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && res.StatusCode == http.StatusOK {
			served++
		}
	}
	r.expect("each connection is answered", served == connections, "%d were", served)
	answers := &loadAnswers{times: map[string][]time.Duration{}}
	answers.send(p, 100, length)
	others, text := answers.others(answered)
	r.expect("and so are others", others == 0, "%s", text)
	r.expect("within 200 ms", answers.slowest(answered) < r.within(200*time.Millisecond), "the slowest took %v", answers.slowest(answered))
	peak := p.Footprint().PeakMiB
	r.expect("the replica stays below its limit", peak < memory || !r.full, "it took %d MiB", peak) // the race detector takes more
	r.measure("%d × 200, slowest %.3f s; at most %d MiB", len(answers.times[answered]), answers.slowest(answered).Seconds(), peak)
}
