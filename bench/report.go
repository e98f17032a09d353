package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// report is what docs/benchmarks.md is made of.
type report struct {
	chapters []*chapter
	goals    goals
	picture  picture
}

// chapter is a section's part.
type chapter struct {
	title string
	parts []string // paragraphs and tables
}

// begin begins a chapter.
func (r *report) begin(title string) { r.chapters = append(r.chapters, &chapter{title: title}) }

// last returns the chapter of the section that runs.
func (r *report) last() *chapter { return r.chapters[len(r.chapters)-1] }

// text adds a paragraph.
func (r *report) text(format string, values ...any) {
	c := r.last()
	c.parts = append(c.parts, fmt.Sprintf(format, values...)+"\n")
}

// table adds a table.
func (r *report) table(header []string, rows [][]string) {
	c := r.last()
	c.parts = append(c.parts, markdownTable(header, rows))
}

func markdownTable(header []string, rows [][]string) string {
	var t strings.Builder
	line := func(cells []string) { t.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(header)
	t.WriteString(strings.Repeat("|---", len(header)) + "|\n")
	for _, row := range rows {
		line(row)
	}
	return t.String()
}

func (c *chapter) render(out io.Writer) {
	fmt.Fprintf(out, "## %s\n\n%s\n", c.title, strings.Join(c.parts, "\n"))
}

// write writes the page, when a path is given for it, and shows the goals.
func (b *bench) write(ctx context.Context) error {
	if b.options.picture != "" && len(b.report.picture.groups) > 0 {
		if err := os.WriteFile(b.options.picture, []byte(b.report.picture.svg()), 0o644); err != nil {
			return err
		}
	}
	goals := b.report.goals.table()
	fmt.Fprint(b.out, goals)
	if b.options.report == "" {
		return nil
	}
	notes, err := os.ReadFile(b.options.notes)
	if err != nil {
		return fmt.Errorf("the page's last part is not there: %w", err)
	}
	var page strings.Builder
	fmt.Fprintf(&page, introduction, b.options.command, time.Now().Format(time.DateOnly), machine(ctx, b.root, b.options), goals)
	for _, c := range b.report.chapters {
		c.render(&page)
	}
	page.Write(notes)
	return os.WriteFile(b.options.report, []byte(page.String()), 0o644)
}

const introduction = `# Benchmarks

What a logged-in request costs, beside a bare reverse proxy and what else does the job. This page is the output of

` + "```sh\n%s\n```" + `

on %s. Its last part is kept in [bench/notes.md](../bench/notes.md).

The load generator, the upstream, the proxy and Redis share one machine. So CPU a request, from the proxy's /proc/PID/stat,
is the figure to go by; throughput says what the whole chain did. Every process is warmed up, then all are driven in turns.
Figures are medians of the rounds, with the lowest and the highest behind them; ratios are taken within each round. wrk
keeps its connections alive and sends what a browser sends, about a kilobyte of headers. The baseline is Go's
httputil.ReverseProxy with a buffer pool, a large pool of idle connections and one static Authorization header.
Stagedoor has everything on: a real session in Redis, sealed; the cross-origin rule; allow-lists; an access log to a file;
metrics.

## The machine

%s
## Goals

Measured figures are rounded to our disadvantage.

%s
`
