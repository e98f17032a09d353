package main

import (
	"fmt"
	"math"
	"strings"
)

// goal is something to reach.
type goal struct {
	key      string
	what     string
	limit    float64
	atLeast  bool // the limit is the least, not the most
	decimals int  // of the figure that is shown
	unit     string
}

// The keys of goals, by which sections tell what they measured.
const (
	goalCPU        = "cpu"
	goalCPUSameGC  = "cpu gc"
	goalRate       = "rate"
	goalRateSameGC = "rate gc"
	goalOAuth2     = "oauth2-proxy"
	goalCommands   = "commands"
	goalRecord     = "record"
	goalIdle       = "idle"
	goalLive       = "live"
	goalReady      = "ready"
	goalImage      = "image"
	goalLinks      = "links"
	goalExpiry     = "expiry"
	goalExpiryAPI  = "expiry api"
	goalStream     = "stream"
)

// allGoals are in the order of the page.
var allGoals = []goal{
	{goalCPU, "CPU a request, as shipped, to the bare proxy's", 1, false, 3, ""},
	{goalCPUSameGC, "CPU a request, both with GOGC=400, to the bare proxy's", 1, false, 3, ""},
	{goalRate, "throughput, as shipped, to the bare proxy's", 1, true, 3, ""},
	{goalRateSameGC, "throughput, both with GOGC=400, to the bare proxy's", 1, true, 3, ""},
	{goalOAuth2, "CPU a request to oauth2-proxy's", 0.25, false, 3, ""},
	{goalCommands, "Redis commands a request in steady use", 0.1, false, 4, ""},
	{goalRecord, "Redis memory a session, its share of the index included", 700, false, 0, " bytes"},
	{goalIdle, "memory an idle connection to the bare proxy's", 1.1, false, 3, ""},
	{goalLive, "RSS with live sessions above the bare proxy's", 30, false, 1, " MB"},
	{goalReady, "from start to ready", 100, false, 1, " ms"},
	{goalImage, "size of the image, unpacked", 15, false, 2, " MB"},
	{goalLinks, "CPU of a 50 KiB page with rewritten links to the bare proxy's", 1.25, false, 3, ""},
	{goalExpiry, "token calls for the first call after expiry", 1, false, 0, ""},
	{goalExpiryAPI, "calls of the Web API for it", 1, false, 0, ""},
	{goalStream, "first byte of a 1 MiB stream behind the upstream's, slowest hundredth", 5, false, 2, " ms"},
}

// goals holds what was measured of each.
type goals struct{ measured map[string]float64 }

// reached notes a figure.
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
	sign := "≤"
	if g.atLeast {
		sign = "≥"
	}
	limit := strings.TrimSuffix(fmt.Sprintf("%s %v", sign, g.limit), ".0") + g.unit
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
func (g goal) met(figure float64) bool {
	if g.atLeast {
		return figure >= g.limit
	}
	return figure <= g.limit
}

// shown rounds to our disadvantage.
func (g goal) shown(figure float64) string {
	unit := math.Pow10(g.decimals)
	if g.atLeast {
		return fmt.Sprintf("%.*f", g.decimals, math.Floor(figure*unit)/unit)
	}
	return fmt.Sprintf("%.*f", g.decimals, math.Ceil(figure*unit)/unit)
}
