// Package live pushes what Spotify answers at a path to all listeners, from one poll.
//
//	Spotify ◀── poll ── poller of one replica ── news over Redis, sealed ──▶ the other replicas
//	                        │                                                   │
//	                      topic                                               topic
//	                     ╱  │  ╲                                             ╱     ╲
//	               stream stream stream                                  stream   stream      server-sent events
//
// A topic is one path on behalf of one session or one shared account. Each replica that has listeners has the topic; a
// lease decides which of them polls (poller.go). What the poll brings is compared with what was sent last (state.go), and
// a change goes to the listeners of this replica at once and to the others as news (topic.go). A listener buffers only the
// newest state, so that a slow one costs no memory (listener.go, stream.go).
//
// The package knows neither sessions nor Spotify: a Source polls for it, and seals what travels.
package live
