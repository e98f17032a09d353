package main

import (
	"fmt"
	"math"
)

// goal is something to reach.
type goal struct {
	key      string
	what     string
	limit    float64 // the most that meets it
	decimals int     // of the figure that is shown
	unit     string
}

// The keys of goals, by which sections tell what they measured.
const (
	goalFew         = "real few"
	goalMany        = "real many"
	goalFewNginx    = "real few nginx"
	goalManyNginx   = "real many nginx"
	goalManyOAuth2  = "real many oauth2-proxy"
	goalHit         = "hit"
	goalPlain       = "plain"
	goalPlainOAuth2 = "plain oauth2-proxy"
	goalRefreshP50  = "refresh median"
	goalRefreshP99  = "refresh p99"
	goalStream      = "stream"
	goalReplicas    = "replicas"
	goalCommands    = "commands"
	goalRecord      = "record"
	goalIdle        = "idle"
	goalLive        = "live"
	goalReady       = "ready"
	goalImage       = "image"
	goalExpiry      = "expiry"
	goalExpiryAPI   = "expiry api"
)

// allGoals are in the order of the page.
var allGoals = []goal{
	{goalFew, "CPU of a 3 KB page, gzip, TLS and HTTP/2 to the API, to the bare proxy that rewrites nothing", 1.25, 3, ""},
	{goalMany, "the same, 33 KB", 1.6, 3, ""},
	{goalFewNginx, "the same, 3 KB, to nginx with sub_filter", 2, 3, ""},
	{goalManyNginx, "the same, 33 KB, to nginx with sub_filter", 1, 3, ""},
	{goalManyOAuth2, "the same, 33 KB, to oauth2-proxy that rewrites nothing", 1, 3, ""},
	{goalHit, "CPU of a cache hit to the bare proxy's forwarded call", 0.5, 3, ""},
	{goalPlain, "CPU of 2 KB without links over plain HTTP/1.1, both with " + relaxedGC + ", to the bare proxy's", 1.25, 3, ""},
	{goalPlainOAuth2, "the same, as shipped, to oauth2-proxy's", 0.4, 3, ""},
	{goalRefreshP50, "median of requests in the ten seconds around a refresh to those without one", 1.1, 3, ""},
	{goalRefreshP99, "99th percentile of them", 1.2, 3, ""},
	{goalStream, "first byte of a 1 MiB stream, slowest hundredth, behind the bare proxy's", 1, 2, " ms"},
	{goalReplicas, "CPU a request of eight replicas on one Redis to one's", 1.1, 3, ""},
	{goalCommands, "Redis commands a request in steady use", 0.1, 4, ""},
	{goalRecord, "Redis memory a session, its share of the index included", 700, 0, " bytes"},
	{goalIdle, "memory an idle connection to the bare proxy's", 1.1, 3, ""},
	{goalLive, "RSS with live sessions above the bare proxy's", 30, 1, " MB"},
	{goalReady, "from start to ready", 100, 1, " ms"},
	{goalImage, "size of the image, unpacked", 15, 2, " MB"},
	{goalExpiry, "token calls for the first call after expiry", 1, 0, ""},
	{goalExpiryAPI, "calls of the Web API for it", 1, 0, ""},
}

// goals holds what was measured of each.
type goals struct{ measured map[string]float64 }

// reached records a figure.
func (g *goals) reached(key string, figure float64) {
	if g.measured == nil {
		g.measured = map[string]float64{}
	}
	g.measured[key] = figure
}

// table shows all goals, also those that were not measured.
func (g *goals) table() string {
	var rows [][]string
	for _, one := range allGoals {
		figure, ok := g.measured[one.key]
		rows = append(rows, one.row(figure, ok))
	}
	return markdownTable([]string{"what", "goal", "measured", "met"}, rows)
}

func (g goal) row(figure float64, measured bool) []string {
	limit := fmt.Sprintf("≤ %v", g.limit) + g.unit
	if !measured {
		return []string{g.what, limit, "not measured", "–"}
	}
	met := "no"
	if g.met(figure) {
		met = "yes"
	}
	return []string{g.what, limit, g.shown(figure) + g.unit, met}
}

// met compares the figure as it was measured. What is not a number meets nothing.
func (g goal) met(figure float64) bool { return figure <= g.limit }

// shown rounds to our disadvantage.
func (g goal) shown(figure float64) string {
	unit := math.Pow10(g.decimals)
	return fmt.Sprintf("%.*f", g.decimals, math.Ceil(figure*unit)/unit)
}
