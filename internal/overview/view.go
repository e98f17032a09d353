package overview

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"stagedoor/internal/metrics"
	"stagedoor/internal/outcome"
)

// view is what the page says: texts, and whether they are bad news.
type view struct {
	Title, Headline                string
	Well                           bool
	Paused                         bool
	Also                           []string
	Version, Commit, Uptime, Clock string
	Window                         string
	Profiler                       bool
	Tiles                          []tile
	Routes, Upstreams              []row
	Parts                          []part
	Failures                       []failureRow
}

// tile is one figure, with what should be known beside it, and when it was.
type tile struct {
	Label, Value, Detail, When string
	Bad                        bool
}

// row is a route, or its upstream.
type row struct {
	Name     string
	Rate     string
	Cells    []cell
	P50, P99 string
}

// cell is a count since the start, and its rate in the window.
type cell struct {
	Total, Rate string
	None, Bad   bool
}

// part is something that the gateway depends on, or does, with its figures.
type part struct {
	Name, State string
	Bad         bool
	Lines       []tile
}

type failureRow struct {
	Reason, Route, Times, Last, Ago, Since, RequestID string
	Status                                            int
	Recent                                            bool
}

// What the tables have in their columns; upstreams have two more.
var (
	classes         = []string{"2xx", "3xx", "4xx", "5xx"}
	upstreamClasses = append(slices.Clone(classes), "none", "canceled")
)

func (s state) view() view {
	v := view{
		Title: "Stagedoor: all is well", Headline: "All is well.", Well: true,
		Version: s.options.Version, Commit: short(s.options.Commit), Uptime: length(s.now.At.Sub(s.started)),
		Clock: s.now.At.UTC().Format("15:04:05 UTC"), Window: length(s.over()), Profiler: s.options.Profiler,
		Tiles:     s.tiles(),
		Routes:    s.rows(s.now.Requests, s.begin.Requests, s.now.RequestTime, s.begin.RequestTime, classes, "5xx"),
		Upstreams: s.rows(s.now.Upstream, s.begin.Upstream, s.now.UpstreamTime, s.begin.UpstreamTime, upstreamClasses, "5xx", "none"),
		Parts:     []part{s.quotaPart(), s.storePart(), s.tokenPart(), s.loginPart()},
	}
	if troubles := s.troubles(); len(troubles) > 0 {
		v.Title, v.Headline, v.Also, v.Well = "Stagedoor: trouble", troubles[0], troubles[1:], false
	}
	for _, f := range s.failures {
		v.Failures = append(v.Failures, failureRow{
			Reason: f.Reason, Route: f.Route, Status: f.Status, RequestID: f.RequestID, Times: whole(float64(f.Times)),
			Last: clock(f.Last, s.now.At), Ago: ago(f.Last, s.now.At), Since: clock(f.First, s.now.At), Recent: s.recent(f.Last),
		})
	}
	return v
}

// over is how long the window is: less than usual just after the start.
func (s state) over() time.Duration { return max(s.now.At.Sub(s.begin.At), time.Second) }

func (s state) tiles() []tile {
	var count float64
	var all metrics.Histogram
	for route, counts := range s.now.Requests {
		count += counts.Since(s.begin.Requests[route]).Total()
	}
	for route, h := range s.now.RequestTime {
		all = all.Add(h.Since(s.begin.RequestTime[route]))
	}
	limited := s.now.RateLimited - s.begin.RateLimited
	return []tile{
		{Label: "Requests a minute", Value: perMinute(count, s.over())},
		{Label: "Half are done in", Value: took(all.Quantile(0.5)), Detail: "p50"},
		{Label: "99 of 100 in", Value: took(all.Quantile(0.99)), Detail: "p99"},
		{Label: "Sessions", Value: s.sessions.words("about "), Detail: s.options.Store + s.sessions.age(s.now.At)},
		{Label: "Replicas", Value: s.replicas.words(""), Detail: "on this store" + s.replicas.age(s.now.At)},
		{Label: "Streams", Value: whole(s.now.Streams), Detail: "open now"},
		{Label: "Rate limited", Value: whole(limited), Detail: whole(s.now.RateLimited) + " since the start", Bad: limited > 0},
	}
}

func (c counted) words(before string) string {
	if c.at.IsZero() {
		return "not known"
	}
	return before + whole(float64(c.number))
}

// age tells of a number that is older than usual.
func (c counted) age(now time.Time) string {
	if c.at.IsZero() || now.Sub(c.at) <= countEvery {
		return ""
	}
	return ", " + ago(c.at, now)
}

func (s state) rows(now, begin map[string]metrics.Counts, timeNow, timeBegin map[string]metrics.Histogram, columns []string, bad ...string) []row {
	var rows []row
	for _, route := range routesOf(now) {
		if route == "none" && now[route].Total() == 0 { // every path has a route, as it should
			continue
		}
		lately := now[route].Since(begin[route])
		window := timeNow[route].Since(timeBegin[route])
		r := row{Name: route, Rate: perMinute(lately.Total(), s.over()), P50: took(window.Quantile(0.5)), P99: took(window.Quantile(0.99))}
		for _, column := range columns {
			r.Cells = append(r.Cells, cell{
				Total: whole(now[route][column]), Rate: perMinute(lately[column], s.over()),
				None: lately[column] == 0, Bad: lately[column] > 0 && slices.Contains(bad, column),
			})
		}
		rows = append(rows, r)
	}
	return rows
}

// storePart is how the session store is.
func (s state) storePart() part {
	lately := s.now.StoreTime.Since(s.begin.StoreTime)
	failed := s.now.StoreErrors.Since(s.begin.StoreErrors).Total()
	p := part{Name: "Session store", State: "answers", Lines: []tile{
		{Label: "Kind", Value: s.options.Store},
		{Label: "p50, p99", Value: tookBoth(lately)},
		{Label: "Not answered lately", Value: whole(failed), Detail: whole(s.now.StoreErrors.Total()) + " in all", Bad: failed > 0},
	}}
	switch {
	case s.storeNotReady != nil && s.store.Why == "": // it was found out by the check, before a request came to harm
		p.State, p.Bad = "not ready", true
		p.Lines = append(p.Lines, tile{Label: "Why", Value: s.storeNotReady.Error(), Bad: true})
		return p
	case s.storeNotReady != nil:
		p.State, p.Bad = "not ready", true
	}
	p.Lines = append(p.Lines, tile{Label: "Last failure", Value: cmp.Or(words(s.store.Why), "none"), When: since(s.store.Failed, s.now.At)})
	return p
}

// tokenPart is how the token endpoint is, as refreshes see it.
func (s state) tokenPart() part {
	lately := s.now.Refreshes.Since(s.begin.Refreshes)
	duration := s.now.RefreshTime.Since(s.begin.RefreshTime)
	p := part{Name: "Token endpoint", State: "not asked yet", Lines: []tile{
		{Label: "p50, p99", Value: tookBoth(duration)},
	}}
	switch {
	case s.tokens.Failing():
		p.State, p.Bad = "does not help", true
	case !s.tokens.Worked.IsZero():
		p.State = "works, " + ago(s.tokens.Worked, s.now.At)
	}
	p.Lines = append(p.Lines, resultLines("Refreshes ", s.now.Refreshes, lately,
		outcome.RefreshMisconfigured, outcome.RefreshUnavailable, outcome.RefreshLost)...)
	p.Lines = append(p.Lines, tile{Label: "Last failure", Value: cmp.Or(words(s.tokens.Why), "none"), When: since(s.tokens.Failed, s.now.At)})
	return p
}

// loginPart is what became of logins and logouts.
func (s state) loginPart() part {
	p := part{Name: "Logins"}
	p.Lines = resultLines("Logins ", s.now.Logins, s.now.Logins.Since(s.begin.Logins), outcome.LoginUnavailable)
	logouts := s.now.Logouts.Since(s.begin.Logouts)
	p.Lines = append(p.Lines, resultLines("Logouts ", s.now.Logouts, logouts, outcome.LogoutUnavailable)...)
	return p
}

// resultLines has a line for each result: what happened in the window, and since the start.
func resultLines[V outcome.Value](what string, now, lately metrics.Counts, bad ...V) []tile {
	var lines []tile
	for _, result := range outcome.All[V]() {
		lines = append(lines, tile{
			Label: what + words(result.String()), Value: whole(lately.Of(result)), Detail: whole(now.Of(result)) + " in all",
			Bad: lately.Of(result) > 0 && slices.Contains(bad, result),
		})
	}
	return lines
}

func since(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return clock(at, now) + " UTC, " + ago(at, now)
}

// routesOf are the routes in the order of the table; those that no route serves come last.
func routesOf(counts map[string]metrics.Counts) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if (a == "none") != (b == "none") {
			if a == "none" {
				return 1
			}
			return -1
		}
		return cmp.Compare(a, b)
	})
}

// short cuts a commit to what people compare.
func short(commit string) string { return commit[:min(len(commit), 12)] }
