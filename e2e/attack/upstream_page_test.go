package attack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// hostilePage does with a browser what it can: each way calls the Web API under a name of its own. The same page is valid
// as HTML and as XML.
const hostilePage = `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title>
<meta http-equiv="refresh" content="0;url=/api/done/refresh"/>
<link rel="stylesheet" href="/api/done/style"/>
<script>//<![CDATA[
document.title = "owned"; fetch("/api/done/script", {method: "POST"}); navigator.sendBeacon("/api/done/beacon")
//]]></script></head><body onload="fetch('/api/done/event')"><img src="/api/done/image" onerror="fetch('/api/done/error')"/>
<form id="f" action="/auth/logout" method="post"></form><script>document.getElementById("f").submit()</script>
<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("/api/done/svg")</script></svg></body></html>`

// hostileDrawing is a page in SVG.
const hostileDrawing = `<svg xmlns="http://www.w3.org/2000/svg" onload="fetch('/api/done/drawing')"><script>fetch("/api/done/svg")</script></svg>`

// pageAnswers are the ways to say that an answer is a page; the text is left out.
func pageAnswers() map[string]string {
	answers := map[string]string{
		"a type behind JSON":       "200 OK\r\nContent-Type: application/json\r\nContent-Type: text/html",
		"a type before JSON":       "200 OK\r\nContent-Type: text/html\r\nContent-Type: application/json",
		"two types in one line":    "200 OK\r\nContent-Type: application/json, text/html",
		"types and a parameter":    "200 OK\r\nContent-Type: application/json;charset=utf-8, text/html",
		"no type":                  "200 OK\r\nX: y",
		"a type that is none":      "200 OK\r\nContent-Type: x",
		"several parts":            "200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b",
		"a policy of its own":      "200 OK\r\nContent-Type: text/html\r\nContent-Security-Policy: sandbox allow-scripts allow-same-origin",
		"a nosniff that is undone": "200 OK\r\nContent-Type: text/plain\r\nX-Content-Type-Options: sniff",
		"JSON":                     "200 OK\r\nContent-Type: application/json",
	}
	for _, status := range []int{200, 206, 404, 503} {
		answers[fmt.Sprintf("HTML with %d", status)] = fmt.Sprintf("%d x\r\nContent-Type: text/html; charset=utf-8", status)
	}
	for _, kind := range []string{"application/xhtml+xml", "text/xml", "application/xml", "image/svg+xml", "application/rss+xml"} {
		answers[kind] = "200 OK\r\nContent-Type: " + kind
	}
	return answers
}

// embedding puts the answer into the app's page as one kind of element, until it has been taken or refused.
const embedding = `new Promise(done => {
	const element = document.createElement(%q)
	element.onload = element.onerror = () => done(true)
	element[element.tagName == "OBJECT" ? "data" : "src"] = "/api/page?" + Math.random()
	document.body.append(element)
})`

// TestAttackUpstreamPages navigates a real browser, in which somebody is logged in, to answers of the Web API that are
// pages, and embeds them in the app's own page. None may do anything in the app's origin.
func TestAttackUpstreamPages(t *testing.T) {
	stage.OnlyLong(t, "Chromium opens every kind of answer")
	t.Parallel()
	w, h := hostileWorld(t, stage.Options{})
	tab := stage.Chromium(t)
	if err := w.Spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	app := w.Balancer.URL + "/"
	stage.Act(t, tab, "log in", chromedp.Navigate(w.Balancer.URL+"/auth/login"))
	count := newAttacks(t, "pages of a hostile Web API in Chromium")
	answers := pageAnswers()
	for i, name := range slices.Sorted(maps.Keys(answers)) {
		if !stage.Tenth(i) {
			continue
		}
		page, head := hostilePage, answers[name]
		if strings.Contains(head, "svg") {
			page = hostileDrawing
		}
		if strings.Contains(head, "boundary=b") {
			page = "--b\r\nContent-Type: text/html\r\n\r\n" + page + "\r\n--b--\r\n"
		}
		h.on("/v1/page", says(fmt.Sprintf("HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", head, len(page), page)))
		h.forgetCalls()
		stage.Act(t, tab, "go to "+name, chromedp.Navigate(w.Balancer.URL+"/api/page"))
		title := stage.Evaluate[string](t, tab, "document.title")
		stage.Act(t, tab, "back to the app", chromedp.Navigate(app))
		done := h.calledBelow("/v1/done/")
		count.expect(len(done) == 0 && title != "owned", "%s: the page was %q and has done %v", name, title, done)
	}
	for _, kind := range []string{"text/html", "image/svg+xml"} {
		page := map[string]string{"text/html": hostilePage, "image/svg+xml": hostileDrawing}[kind]
		h.on("/v1/page", says(fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: %s\r\n\r\n%s", kind, page)))
		for _, element := range []string{"iframe", "object", "embed", "script", "img"} {
			h.forgetCalls()
			stage.Read(t, tab, "embed it as "+element, chromedp.Evaluate[bool](fmt.Sprintf(embedding, element), chromedp.EvalAwaitPromise))
			done := h.calledBelow("/v1/done/")
			count.expect(len(done) == 0 && h.called("/v1/page") > 0, "%s as %s in the app has done %v", kind, element, done)
		}
	}
	if me := stage.Fetched(t, tab, "/api/me"); !strings.Contains(me, `"ada"`) {
		t.Errorf("nobody is logged in any more: %s", me)
	}
	// The page would be harmless if its script were not any good: the same one in the app's own origin calls.
	stage.Evaluate[bool](t, tab, fmt.Sprintf("document.write(%q), document.close(), true", hostilePage))
	sessiontest.Eventually(t, stage.StartTime, "the page's script calls where it may", func() bool {
		return len(h.calledBelow("/v1/done/")) > 2
	})
}
