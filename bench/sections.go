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
		{"cpu", "What a request costs", measureCPU},
		{"tls", "Upstreams with TLS, HTTP/2 and 50 ms of latency", measureTLS},
		{"rewrite", "Link rewriting", measureRewriting},
		{"stream", "Streamed answers", measureStreams},
		{"idle", "Idle connections", measureIdle},
		{"sessions", "Memory of sessions", measureSessions},
		{"start", "Start and size", measureStart},
		{"refresh", "The first call after expiry", measureRefresh},
		{"scale", "Scale", measureScale},
		{"quota", "How many users fit into one app's quota", measureQuota},
	}
}

func sectionNames() []string {
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.name
	}
	return names
}
