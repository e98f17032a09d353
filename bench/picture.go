package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// picture shows CPU a request by proxy, as bars in groups.
type picture struct{ groups []barGroup }

type barGroup struct {
	title string
	bars  []bar
}

type bar struct {
	name string
	cpu  float64 // microseconds a request
	ours bool
}

// add adds what was measured of one page as a group.
func (p *picture) add(title string, targets []target, samples [][]sample) {
	g := barGroup{title: title}
	for i, t := range targets {
		if i == realBareSameGC || i == realKeepingNothing { // the table has them
			continue
		}
		g.bars = append(g.bars, bar{t.name, column(samples[i], sample.cpuOf).median(), i == realStagedoor})
	}
	slices.SortStableFunc(g.bars, func(a, b bar) int { return int(a.cpu - b.cpu) })
	p.groups = append(p.groups, g)
}

// Sizes in the picture, in its own units.
const (
	pictureWidth = 720
	barLeft      = 300 // where bars begin
	barMost      = 340 // the length of the longest
	barHeight    = 16
	barStep      = 24
	groupHead    = 34
)

// pictureStyle follows the viewer's choice of dark or light, as the page around does.
const pictureStyle = `<style>
text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.other{fill:#8c959f}.ours{fill:#1a7f37}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.other{fill:#6e7681}.ours{fill:#3fb950}}
</style>
`

// svg draws the groups one below the other, all on one scale.
func (p *picture) svg() string {
	most, height := 0.0, 10
	for _, g := range p.groups {
		height += groupHead + barStep*len(g.bars)
		for _, b := range g.bars {
			most = max(most, b.cpu)
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="CPU a request, in microseconds, by proxy">`+"\n",
		pictureWidth, height)
	out.WriteString(pictureStyle)
	y := 0
	for _, g := range p.groups {
		fmt.Fprintf(&out, `<text class="title" x="8" y="%d">%s: CPU a request, µs</text>`+"\n", y+22, html.EscapeString(g.title))
		y += groupHead
		for _, b := range g.bars {
			class := "other"
			if b.ours {
				class = "ours"
			}
			length := b.cpu / most * barMost
			fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end">%s</text><rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`+
				`<text x="%.1f" y="%d">%.0f</text>`+"\n", barLeft-8, y+barHeight-3, html.EscapeString(b.name), class, barLeft, y, length, barHeight,
				barLeft+length+6, y+barHeight-3, b.cpu)
			y += barStep
		}
	}
	out.WriteString("</svg>\n")
	return out.String()
}
