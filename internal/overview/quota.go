package overview

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"stagedoor/internal/outcome"
)

const (
	// nearlyUsedUp is the share of the allowed calls above which their number is bad news.
	nearlyUsedUp = 0.9
	// topRoutes is how many of the routes that call most are named.
	topRoutes = 3
)

// quotaPart is how it stands with the calls that Spotify allows to the app.
func (s state) quotaPart() part {
	p := part{Name: "Spotify's quota", State: "open", Lines: []tile{s.callsLine()}}
	if s.gateClosed() {
		p.State, p.Bad = "closed until "+s.gateEnd(), true
		p.Lines = append(p.Lines, tile{Label: "Why", Value: s.gateReason(), Bad: true})
	}
	lately := s.now.Answers.Since(s.begin.Answers)
	for _, line := range []struct {
		label string
		from  outcome.Answer
		bad   bool
	}{
		{"Saved by the cache", outcome.AnswerCache, false},
		{"Saved by joining", outcome.AnswerJoined, false},
		{"Served stale", outcome.AnswerStale, false},
		{"Rejected", outcome.AnswerRefused, true},
	} {
		p.Lines = append(p.Lines, tile{
			Label: line.label, Value: whole(lately.Of(line.from)), Detail: whole(s.now.Answers.Of(line.from)) + " in all",
			Bad: line.bad && lately.Of(line.from) > 0,
		})
	}
	p.Lines = append(p.Lines, tile{Label: "Kept answers", Value: fmt.Sprintf("%.1f MiB", float64(s.now.Quota.CacheBytes)/(1<<20))})
	return part{Name: p.Name, State: p.State, Bad: p.Bad, Lines: append(p.Lines, s.callers()...)}
}

// callsLine is how many calls there were in the window, and how many there may be.
func (s state) callsLine() tile {
	q := s.now.Quota
	line := tile{Label: "Calls in the window", Value: whole(float64(q.Calls)), Detail: "this replica"}
	if q.Allowed > 0 {
		line.Value += " of " + whole(float64(q.Allowed))
		line.Detail, line.Bad = "all replicas", float64(q.Calls) > nearlyUsedUp*float64(q.Allowed)
	}
	return line
}

// callers are the routes that have called the Web API most, with their calls in the window.
func (s state) callers() []tile {
	if s.options.APIRoutes == nil {
		return nil
	}
	var lines []tile
	calls := map[string]float64{}
	for _, route := range s.options.APIRoutes() {
		calls[route] = s.now.Upstream[route].Since(s.begin.Upstream[route]).Total()
		lines = append(lines, tile{Label: "Calls by " + route, Value: whole(calls[route]), Detail: perMinute(calls[route], s.over()) + "/min"})
	}
	slices.SortStableFunc(lines, func(a, b tile) int {
		return cmp.Compare(calls[b.Label[len("Calls by "):]], calls[a.Label[len("Calls by "):]])
	})
	return lines[:min(len(lines), topRoutes)]
}

func (s state) gateClosed() bool { return s.now.Quota.GateSeconds > 0 }

func (s state) gateReason() string {
	return cmp.Or(s.gate, "Spotify limits how often this app may call")
}

func (s state) gateEnd() string {
	end := s.now.At.Add(time.Duration(s.now.Quota.GateSeconds * float64(time.Second)))
	return clock(end, s.now.At) + " UTC"
}
