package main

import "context"

// section is a part of the measurement that can be run alone. It starts what it needs; that is stopped behind it.
type section struct {
	name, title string
	run         func(context.Context, *bench) error
}

var sections []section

// init fills the list, which its own functions would otherwise need to be initialized.
func init() {
	sections = []section{
		{"real", "What a request costs on the real path", measureReal},
		{"http2", "The same, with clients over TLS and HTTP/2", measureHTTP2},
		{"gc", "The garbage collector's setting", measureGC},
		{"stream", "Streamed answers", measureStreams},
		{"idle", "Idle connections", measureIdle},
		{"sessions", "Memory of sessions", measureSessions},
		{"start", "Start and size", measureStart},
		{"refresh", "The first call after expiry", measureRefresh},
		{"around", "Requests around a refresh", measureAround},
		{"scale", "Scale", measureScale},
		{"cpu", "Appendix: a short answer over plain HTTP", measureCPU},
		{"quota", "How many users fit into one app's quota", measureQuota},
		{"live", "Live", measureTabs},
		{"live-crowd", "Live: many visitors of one account", measureCrowds},
		{"live-many", "Live: many sessions", measureMany},
	}
}

func sectionNames() []string {
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.name
	}
	return names
}
