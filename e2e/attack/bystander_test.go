package attack

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
)

// bystander uses a gateway process while somebody else attacks it.
type bystander struct {
	*stage.Visitor
	p     *stage.Process
	rows  []string
	quiet latencies
}

// latencies are how long requests took, the shortest first.
type latencies []time.Duration

func (l latencies) at(percent int) time.Duration { return l[(len(l)-1)*percent/100] }

// newBystander logs in, and measures how long requests take in quiet. The table is printed when the test ends.
func newBystander(t testing.TB, w *stage.World) *bystander {
	t.Helper()
	b := &bystander{Visitor: w.Visitor(), p: w.Replicas[0]}
	b.Login("ada")
	b.Origin = "http://" + b.p.Public() // nothing of the test's in between
	b.measure(t, "quiet", func() {})
	t.Cleanup(func() {
		t.Logf("others while the gateway is attacked:\n%-28s %8s %10s %10s %8s  %s\n%s", "attack", "requests", "median", "p99", "p99 by", "afterwards",
			strings.Join(b.rows, "\n"))
	})
	return b
}

// fewest is how many requests a bystander makes at least.
const fewest = 50

// measure goes on asking until the attack has ended. Everybody must be answered; how fast is only told, because it says
// more about what else the machine does. The attack runs in a goroutine of its own.
func (b *bystander) measure(t testing.TB, name string, attack func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		attack()
	}()
	var took latencies
	for n := 0; ; n++ {
		begun := time.Now()
		if err := b.ask(n); err != nil {
			t.Errorf("%s: a bystander's request %d: %v", name, n, err)
		}
		took = append(took, time.Since(begun))
		select {
		case <-ended:
			if n >= fewest {
				b.record(name, took)
				return
			}
		default:
		}
	}
}

// ask sends a request that needs the session, Redis and Spotify, every fourth over a connection of its own.
func (b *bystander) ask(n int) error {
	client := b.Client
	if n%4 == 0 {
		client = &http.Client{Jar: b.Client.Jar, Transport: &http.Transport{DisableKeepAlives: true}}
	}
	response, err := client.Get(b.Origin + "/api/me")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d %s", response.StatusCode, response.Header.Get("Stagedoor-Reason"))
	}
	return nil
}

func (b *bystander) record(name string, took latencies) {
	slices.Sort(took)
	if b.quiet == nil {
		b.quiet = took
	}
	b.rows = append(b.rows, fmt.Sprintf("%-28s %8d %10v %10v %7.1fx  %v", name, len(took), took.at(50).Round(10*time.Microsecond),
		took.at(99).Round(10*time.Microsecond), float64(took.at(99))/float64(b.quiet.at(99)), b.p.Footprint()))
}

// soon tells whether something comes true within startTime. It is for goroutines, which must not end the test.
func soon(done func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); !done(); <-tick.C {
		if time.Since(begun) > stage.StartTime {
			return false
		}
	}
	return true
}

// underRace returns the second number when the gateway has the race detector in it, which makes it slow and large.
func underRace(plain, raced int) int {
	if len(stage.BuildFlags) > 0 {
		return raced
	}
	return plain
}
