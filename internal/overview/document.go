package overview

import (
	_ "embed"
	"strconv"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"

	"stagedoor/internal/page"
)

var (
	//go:embed page.css
	pageCSS string
	// lampSVG burns in the colour that the header's class gives it.
	//
	//go:embed lamp.svg
	lampSVG string

	frame = page.New(page.Parts{CSS: pageCSS})
)

// document is the page, from its first line, which is enough when all is well, to the details.
func (v view) document() g.Node {
	return g.Group{
		v.header(),
		html.Main(
			html.Section(html.Class("tiles"), html.Aria("label", "At a glance"), g.Map(v.Tiles, tile.node)),
			v.lastFailures(),
			html.Div(html.Class("parts"), g.Map(v.Parts, part.node)),
			v.requests(),
			v.calls(),
		),
		v.footer(),
	}
}

func (v view) header() g.Node {
	class := "trouble"
	if v.Well {
		class = "well"
	}
	return html.Header(html.Class(class),
		g.Raw(lampSVG),
		html.Div(
			html.H1(g.Text(v.Headline)),
			g.If(len(v.Also) > 0, html.Ul(g.Map(v.Also, func(trouble string) g.Node { return html.Li(g.Text(trouble)) }))),
			html.P(html.Class("about"),
				g.Textf("Stagedoor %s · ", v.Version), html.Code(g.Text(v.Commit)),
				g.Textf(" · up %s · %s, %s · “lately” is the last %s", v.Uptime, v.Clock, v.renewal(), v.Window)),
		),
		v.pause(),
	)
}

func (v view) renewal() string {
	if v.Paused {
		return "as it was then"
	}
	return "every 10 s anew"
}

// pause stops the page from coming anew, or lets it.
func (v view) pause() g.Node {
	if v.Paused {
		return html.A(html.Class("pause"), html.Href("?"), g.Text("Resume"))
	}
	return html.A(html.Class("pause"), html.Href("?"+refreshParam+"="+refreshOff), g.Text("Pause"))
}

func (t tile) node() g.Node {
	return html.Div(badClass(t.Bad), html.H2(g.Text(t.Label)), html.P(g.Text(t.Value)), html.Small(g.Text(t.Detail)))
}

func (v view) lastFailures() g.Node {
	content := g.Group{quiet("None since the start.")}
	if len(v.Failures) > 0 {
		content = g.Group{
			scroll("Last failures", html.Table(html.Class("failures"),
				headings("Reason", "Status", "Route", "Times", "Since, UTC", "Last, UTC", "Request id of the last"),
				html.TBody(g.Map(v.Failures, failureRow.node)))),
			quiet("The log has a line for each request id, and it says more."),
		}
	}
	return wide("Last failures", content)
}

func (f failureRow) node() g.Node {
	return html.Tr(g.If(f.Recent, html.Class("recent")),
		html.Th(g.Text(f.Reason)),
		html.Td(g.Text(strconv.Itoa(f.Status))),
		html.Td(g.Text(f.Route)),
		html.Td(g.Text(f.Times)),
		html.Td(g.Text(f.Since)),
		html.Td(g.Text(f.Last), html.Small(g.Text(f.Ago))),
		html.Td(html.Code(g.Text(f.RequestID))),
	)
}

func (p part) node() g.Node {
	return html.Section(badClass(p.Bad),
		html.H2(g.Text(p.Name), g.If(p.State != "", html.Span(g.Text(p.State)))),
		html.Dl(g.Map(p.Lines, tile.line)),
	)
}

// line is a tile among the lines of a part.
func (t tile) line() g.Node {
	return html.Div(badClass(t.Bad),
		html.Dt(g.Text(t.Label)),
		html.Dd(g.Text(t.Value),
			g.If(t.Detail != "", html.Small(g.Text(t.Detail))),
			g.If(t.When != "", html.Small(html.Class("when"), g.Text(t.When)))),
	)
}

func (v view) requests() g.Node {
	const title = "Requests by route"
	return wide(title,
		routeTable(title, v.Routes, "Route", "a minute", "2xx", "3xx", "4xx", "5xx", "p50", "p99"))
}

func (v view) calls() g.Node {
	const title = "Calls of the upstreams"
	if len(v.Upstreams) == 0 {
		return wide(title, quiet("No route has an upstream."))
	}
	return wide(title,
		routeTable(title, v.Upstreams, "Route", "a minute", "2xx", "3xx", "4xx", "5xx", "no answer", "client left", "p50", "p99"))
}

func routeTable(name string, rows []row, columns ...string) g.Node {
	return scroll(name, html.Table(headings(columns...), html.TBody(g.Map(rows, row.node))))
}

func (r row) node() g.Node {
	return html.Tr(
		html.Th(g.Text(r.Name)),
		html.Td(g.Text(r.Rate)),
		g.Map(r.Cells, cell.node),
		html.Td(g.Text(r.P50)),
		html.Td(g.Text(r.P99)),
	)
}

func (c cell) node() g.Node {
	return html.Td(badClass(c.Bad), g.If(c.None, html.Class("none")),
		g.Text(c.Total), g.If(!c.None, html.Small(g.Text(c.Rate+"/min"))))
}

func (v view) footer() g.Node {
	links := []string{"/readyz", "/livez", "/metrics"}
	if v.Profiler {
		links = append(links, "/debug/pprof/")
	}
	return html.Footer(g.Map(links, func(path string) g.Node { return html.A(html.Href(path), g.Text(path)) }))
}

// wide is a section as wide as the page.
func wide(title string, content g.Node) g.Node {
	return html.Section(html.Class("wide"), html.H2(g.Text(title)), content)
}

// scroll lets a table be wider than a phone.
// A keyboard reaches it.
func scroll(name string, table g.Node) g.Node {
	return html.Div(html.Class("scroll"), html.TabIndex("0"), html.Role("region"), html.Aria("label", name), table)
}

func headings(texts ...string) g.Node {
	return html.THead(html.Tr(g.Map(texts, func(text string) g.Node { return html.Th(g.Text(text)) })))
}

func quiet(text string) g.Node { return html.P(html.Class("quiet"), g.Text(text)) }

func badClass(bad bool) g.Node { return g.If(bad, html.Class("bad")) }
