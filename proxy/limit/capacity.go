package limit

import (
	"math"
	"runtime/debug"

	"go.uber.org/zap"
)

// Resources are what a process may use; zero means that it is unknown.
type Resources struct {
	Files  int   // open files, connections among them
	Memory int64 // bytes
}

// OfProcess returns what this process may use: the limit of open files (ulimit -n), and GOMEMLIMIT, which is set for a container as
// well, or else the memory of the machine.
func OfProcess() Resources {
	memory := debug.SetMemoryLimit(-1) // a negative limit only asks
	if memory == math.MaxInt64 {
		memory = machineMemory()
	}
	return Resources{Files: openFiles(), Memory: memory}
}

// Capacity is how much the gateway takes on at a time; zero means no limit.
type Capacity struct {
	// Connections are those of clients.
	Connections int
	// Requests are those that are served at a time.
	Requests int
	// Streams are answers without an end that hold a connection to an upstream: WebSockets and server-sent events of frontends.
	Streams int
	// Held are streams that are alone on their client's connection, those of live routes among them.
	Held int
	// Idle is how many unused connections to Spotify are kept, and to all frontends together.
	Idle int
}

const (
	// requestMemory is about what a request takes while it is served: the buffers of two connections, a buffer for the body, and
	// the stacks of its goroutines.
	requestMemory = 64 << 10
	// connectionMemory and secureMemory are about what a connection takes that waits for a request, the second one with TLS.
	connectionMemory = 20 << 10
	secureMemory     = 44 << 10
	// maxIdle is enough for a busy gateway.
	maxIdle = 512
)

// Capacity works out how much the gateway can take on with these resources, at most the configured connections and, unless that is
// zero, requests. Of the open files, half are for clients and an eighth for Redis, the log and the admin listener. The rest is for
// upstreams: half of it for requests, each of which may need a connection of its own, a quarter for streams, and a quarter for
// unused connections. Of the memory, three eighths are for connections and a quarter for requests; the rest is for what is kept of
// Spotify's answers and for the program itself.
func (r Resources) Capacity(connections, requests int, secure bool) Capacity {
	c := Capacity{Connections: connections, Requests: requests, Idle: maxIdle}
	if r.Memory > 0 {
		each := int64(connectionMemory)
		if secure {
			each = secureMemory
		}
		c.Connections = min(connections, max(1, int(r.Memory*3/8/each)))
		if requests == 0 {
			c.Requests = max(1, int(r.Memory/4/requestMemory))
		}
	}
	if r.Files > 0 {
		upstreams := r.Files * 3 / 8
		c.Connections = min(c.Connections, max(1, r.Files/2))
		c.Requests = atMost(c.Requests, max(1, upstreams/2))
		c.Streams = max(1, upstreams/4)
		c.Idle = min(maxIdle, max(1, upstreams/8))
	}
	c.Held = max(1, c.Connections*3/4)
	return c
}

// atMost is a limit that is no higher than another; zero means none.
func atMost(limit, other int) int {
	if limit == 0 {
		return other
	}
	return min(limit, other)
}

// Explain logs what the gateway takes on, and warns where that is less than was configured.
func (c Capacity) Explain(r Resources, connections, requests int, log *zap.Logger) {
	if c.Connections < connections {
		log.Warn("the process may open too few files, or has too little memory, for server.max_connections; it takes fewer connections. "+
			"Raise the limit of open files (ulimit -n) or of memory (the container's, or GOMEMLIMIT), or lower max_connections",
			zap.Int("max_connections", connections), zap.Int("open_files", r.Files), zap.Int64("memory", r.Memory),
			zap.Int("connections", c.Connections))
	}
	if c.Requests < requests {
		log.Warn("the process may open too few files for server.max_in_flight, because each request may need a connection to an upstream. "+
			"Raise the limit (ulimit -n), or lower max_in_flight",
			zap.Int("max_in_flight", requests), zap.Int("open_files", r.Files), zap.Int("requests", c.Requests))
	}
	log.Info("capacity", zap.Int("connections", c.Connections), zap.Int("requests", c.Requests), zap.Int("streams", c.Streams))
}
