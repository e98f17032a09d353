package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"stagedoor/simulator"
)

const (
	// quotaTabs is how many tabs a user has open.
	quotaTabs = 3
	// quotaPoll and quotaOpen are how often a tab asks what plays, and opens a page of playlists.
	quotaPoll = time.Second
	quotaOpen = 10 * time.Second
)

// quotaClient is a user's browser.
type quotaClient struct{ header http.Header }

// quotaResult is what users got in the measured time. It is safe for concurrent use.
type quotaResult struct {
	mu       sync.Mutex // guards what follows
	requests int
	refused  int
	ages     [][]int // of each user's answers, in seconds
	err      error   // an unexpected answer
}

// ask lets all tabs ask until end, and counts from begin on.
func (p *quotaPoint) ask(ctx context.Context, clients []quotaClient, begin, end time.Time) (*quotaResult, error) {
	r := &quotaResult{ages: make([][]int, len(clients))}
	transport := &http.Transport{MaxIdleConnsPerHost: 1024}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: plainClient.CheckRedirect}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	var group sync.WaitGroup
	for user, c := range clients {
		for range quotaTabs {
			group.Go(func() {
				if p.way.live {
					(&stream{address: p.listen, path: "/live/me/player", cookie: c.header.Get("Cookie")}).run(ctx)
					return
				}
				p.poll(ctx, quotaPoll, func(int) { r.one(ctx, client, c, user, p.origin+"/me/player", begin) })
			})
			group.Go(func() {
				p.poll(ctx, quotaOpen, func(n int) {
					r.one(ctx, client, c, user, fmt.Sprintf("%s/me/playlists?limit=20&offset=%d", p.origin, n%3*20), begin)
				})
			})
		}
	}
	group.Wait()
	return r, r.err
}

// poll does something again and again, each time in a goroutine of its own, as a page's timer does.
func (p *quotaPoint) poll(ctx context.Context, every time.Duration, do func(n int)) {
	var group sync.WaitGroup
	defer group.Wait()
	timer := time.NewTimer(rand.N(every)) // tabs are not opened at the same moment
	defer timer.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(every)
			group.Go(func() { do(n) })
		}
	}
}

// one makes a request and counts its answer.
func (r *quotaResult) one(ctx context.Context, client *http.Client, c quotaClient, user int, address string, begin time.Time) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		r.fail(err)
		return
	}
	request.Header = c.header.Clone()
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() == nil {
			r.fail(err)
		}
		return
	}
	defer func() { _ = response.Body.Close() }() // only read from
	body, err := io.ReadAll(response.Body)
	if err != nil || time.Now().Before(begin) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		r.refused++
	case response.StatusCode < 400:
		age, _ := strconv.Atoi(response.Header.Get("Age")) // none is new
		r.ages[user] = append(r.ages[user], age)
	default:
		r.err = fmt.Errorf("%s answered %s %.300s", address, response.Status, body)
	}
}

// showStreams adds, for each second from begin on, the age of what each user's tabs show of the player: the time since Spotify answered
// a poll last.
func (r *quotaResult) showStreams(calls []simulator.Seen, begin time.Time) {
	polls := map[string][]time.Time{}
	for _, seen := range calls {
		if user, _, _ := strings.Cut(seen.Token, "/"); seen.Target == "/v1/me/player" && seen.Status != http.StatusTooManyRequests {
			polls[user] = append(polls[user], seen.At)
		}
	}
	for user, name := range quotaUsers(len(r.ages)) {
		for at := begin; at.Before(begin.Add(quotaWindow)); at = at.Add(quotaPoll) {
			last := begin.Add(-quotaWindow)
			for _, poll := range polls[name] {
				if !poll.After(at) {
					last = poll
				}
			}
			for range quotaTabs {
				r.ages[user] = append(r.ages[user], int(at.Sub(last).Seconds()))
			}
		}
	}
}

func (r *quotaResult) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *quotaResult) refusedShare() float64 { return float64(r.refused) / float64(max(1, r.requests)) }

// age is a quantile of the ages of all answers.
func (r *quotaResult) age(quantile float64) int {
	all := slices.Sorted(slices.Values(slices.Concat(r.ages...)))
	if len(all) == 0 {
		return 0
	}
	return all[int(quantile*float64(len(all)-1))]
}

// unfairness is the mean age of the user who has the oldest answers to that of the user who has the youngest.
func (r *quotaResult) unfairness() float64 {
	var means []float64
	for _, ages := range r.ages {
		sum := 0.5 * float64(len(ages))
		for _, age := range ages {
			sum += float64(age)
		}
		if len(ages) > 0 {
			means = append(means, sum/float64(len(ages)))
		}
	}
	if len(means) == 0 {
		return 1
	}
	return slices.Max(means) / slices.Min(means)
}
