package attack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"syscall"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// searched are the places that are searched.
var searched = []string{
	placeAnswers, placeLog, placeAdmin, placeCommands, placeArguments, placeRedis, placeFrontend,
}

// markOf is what goes to a place to prove that the place is searched.
func markOf(place string) string {
	digest := sha256.Sum256([]byte(place))
	return "mark-" + hex.EncodeToString(digest[:12])
}

// mark is markOf, but for the arguments of a process, which cannot be added to.
func (s *scene) mark(place string) string {
	if place == placeArguments {
		return s.Replicas[0].Config
	}
	return markOf(place)
}

// moreMarks are in parts of a place that are easily missed.
var moreMarks = map[string][]string{
	placeAnswers: {"mark-in-a-header", "mark-in-a-trailer", "mark-in-an-early-answer", "<!doctype html>"},
	placeLog:     {"stagedoor/proxy.(*replayer).send(", `"level":"debug"`},                // a crash has stacks
	placeAdmin:   {"stagedoor/proxy.(*apiRoute).serve(", "stagedoor_http_requests_total"}, // a stack and a metric
	placeRedis:   {"*3\r\n$3\r\nSET\r\n$4\r\nmark", "an-argument"},                        // its file, its slow log
}

// leaveMarks sends each mark on the way of what belongs there.
func (s *scene) leaveMarks(v *stage.Visitor) {
	s.t.Helper()
	header := http.Header{"X-Mark": moreMarks[placeAnswers][:1]}
	trailer := http.Header{"X-Mark": moreMarks[placeAnswers][1:2]}
	early := http.Header{"X-Mark": moreMarks[placeAnswers][2:3]}
	marked := s.Fault(simulator.Fault{
		Name: "marked", Match: simulator.Match{Side: simulator.SideAPI}, Status: http.StatusOK, Body: markOf(placeAnswers),
		Header: header, Trailer: trailer, Early: []http.Header{early},
	})
	v.Get("/api/me/"+markOf(placeLog)).Expect(s.t, "a marked answer", http.StatusOK, "")
	s.Spotify.ClearFault(marked)
	for i := range s.Replicas {
		s.Through(i)
		v.Get("/"+markOf(placeAdmin)+"/x", "X-Mark", markOf(placeFrontend)).Expect(s.t, "a marked page", http.StatusOK, "")
	}
	s.Through(-1)
	s.redisDoes("SET", "mark", markOf(placeRedis))
	s.redisDoes("GET", "an-argument")
	s.command(2, "serve", "-config", "/nowhere/"+markOf(placeCommands))
}

// gatherAdmin keeps all pages of the admin listeners and the arguments of the processes.
func (s *scene) gatherAdmin() {
	s.t.Helper()
	for _, p := range s.Replicas {
		for _, path := range []string{
			"/livez", "/readyz", "/metrics", "/nothing", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/symbol",
			"/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1",
			"/debug/pprof/allocs?debug=1", "/debug/pprof/threadcreate?debug=1", "/debug/pprof/trace?seconds=0.05",
		} {
			s.record(placeAdmin, s.admin(p, path))
		}
		s.record(placeArguments, s.admin(p, "/debug/pprof/cmdline"))
		if runtime.GOOS == "linux" {
			arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Command.Process.Pid))
			if err != nil {
				s.t.Fatal(err)
			}
			s.record(placeArguments, string(arguments))
		}
	}
}

// admin returns an answer of an admin listener, as text.
func (s *scene) admin(p *stage.Process, path string) string {
	s.t.Helper()
	answer, err := http.Get("http://" + p.Admin + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%s %v\n%s", answer.Status, answer.Header, body)
}

// crash ends the gateways in the one way that prints all their stacks, while calls of the API are under way.
func (s *scene) crash(v *stage.Visitor) {
	s.t.Helper()
	s.hold(v, func() {
		for _, p := range s.Replicas {
			p.Signal(syscall.SIGQUIT)
			if p.Wait() == nil {
				s.t.Error("SIGQUIT ended a gateway with exit code 0")
			}
		}
	})
}

// hold does something while each replica has a call of the API under way. Then the callers leave, which debug lines tell.
func (s *scene) hold(v *stage.Visitor, during func()) {
	s.t.Helper()
	slow := simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/player/devices"}
	s.Fault(simulator.Fault{Name: "held", Match: slow, Action: simulator.ActionHang}) // for good: nobody calls again
	before := len(s.Spotify.Seen(simulator.Filter{Match: slow}))
	ctx, leave := context.WithCancel(s.t.Context())
	defer leave()
	for i := range s.Replicas {
		s.Through(i)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.Origin+"/api/me/player/devices", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		go func() { _, _ = v.Client.Do(r) }() // there is no answer
		if _, err := s.Spotify.AwaitSeen(ctx, simulator.Filter{Match: slow}, before+i+1); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Through(-1)
	during()
}
