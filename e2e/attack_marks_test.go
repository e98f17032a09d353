package e2e

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

// mark is markOf, but for the arguments of a process, which nobody can add to.
func (s *scene) mark(place string) string {
	if place == placeArguments {
		return s.replicas[0].config
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
func (s *scene) leaveMarks(v *visitor) {
	s.t.Helper()
	header := http.Header{"X-Mark": moreMarks[placeAnswers][:1]}
	trailer := http.Header{"X-Mark": moreMarks[placeAnswers][1:2]}
	early := http.Header{"X-Mark": moreMarks[placeAnswers][2:3]}
	marked := s.fault(simulator.Fault{
		Name: "marked", Match: simulator.Match{Side: simulator.SideAPI}, Status: http.StatusOK, Body: markOf(placeAnswers),
		Header: header, Trailer: trailer, Early: []http.Header{early},
	})
	v.get("/api/me/"+markOf(placeLog)).expect(s.t, "a marked answer", http.StatusOK, "")
	s.spotify.ClearFault(marked)
	for i := range s.replicas {
		s.through(i)
		v.get("/"+markOf(placeAdmin)+"/x", "X-Mark", markOf(placeFrontend)).expect(s.t, "a marked page", http.StatusOK, "")
	}
	s.through(-1)
	s.redisDoes("SET", "mark", markOf(placeRedis))
	s.redisDoes("GET", "an-argument")
	s.command(2, "serve", "-config", "/nowhere/"+markOf(placeCommands))
}

// gatherAdmin keeps all pages of the admin listeners and the arguments of the processes.
func (s *scene) gatherAdmin() {
	s.t.Helper()
	for _, p := range s.replicas {
		for _, path := range []string{
			"/livez", "/readyz", "/metrics", "/nothing", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/symbol",
			"/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1",
			"/debug/pprof/allocs?debug=1", "/debug/pprof/threadcreate?debug=1", "/debug/pprof/trace?seconds=0.05",
		} {
			s.note(placeAdmin, s.admin(p, path))
		}
		s.note(placeArguments, s.admin(p, "/debug/pprof/cmdline"))
		if runtime.GOOS == "linux" {
			arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.command.Process.Pid))
			if err != nil {
				s.t.Fatal(err)
			}
			s.note(placeArguments, string(arguments))
		}
	}
}

// admin returns an answer of an admin listener, as text.
func (s *scene) admin(p *process, path string) string {
	s.t.Helper()
	answer, err := http.Get("http://" + p.admin + path)
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
func (s *scene) crash(v *visitor) {
	s.t.Helper()
	s.hold(v, func() {
		for _, p := range s.replicas {
			p.signal(syscall.SIGQUIT)
			if p.wait() == nil {
				s.t.Error("SIGQUIT ended a gateway with exit code 0")
			}
		}
	})
}

// hold does something while each replica has a call of the API under way. Then the callers leave, which debug lines tell.
func (s *scene) hold(v *visitor, during func()) {
	s.t.Helper()
	slow := simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/player/devices"}
	s.fault(simulator.Fault{Name: "held", Match: slow, Action: simulator.ActionHang}) // for good: nobody calls again
	before := len(s.spotify.Seen(simulator.Filter{Match: slow}))
	ctx, leave := context.WithCancel(s.t.Context())
	defer leave()
	for i := range s.replicas {
		s.through(i)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.origin+"/api/me/player/devices", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		go func() { _, _ = v.client.Do(r) }() // there is no answer
		if _, err := s.spotify.AwaitSeen(ctx, simulator.Filter{Match: slow}, before+i+1); err != nil {
			s.t.Fatal(err)
		}
	}
	s.through(-1)
	during()
}
