package live

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxPerSession is how many streams one session may have on all replicas. One more ends the oldest.
	maxPerSession = 8
	// othersTime is how long a list of another replica's counts: as long as the answers to one question may take.
	othersTime = 2 * time.Second
	// tellTime bounds how long a replica may take to tell.
	tellTime = time.Second
)

// ownerPrefix begins what hubs tell each other about the streams of a session: a replica where one is opened tells which it
// has, and the others answer. The owner's key, the hub's name, "opened" or "have", and when each stream was opened follow,
// between blanks.
const ownerPrefix = "streams "

const (
	toldOpened = "opened"
	toldHave   = "have"
)

// owner is the session or the account on behalf of which topics poll.
type owner struct {
	topics map[*topic]bool
	// What follows is of sessions alone: an account may have any number of streams.
	listeners []*Listener       // the oldest first
	others    map[string]others // by hub
	telling   bool              // a goroutine tells the other replicas
	again     bool              // there is something new for it
	opened    bool              // and that is a stream
}

// others are the streams of a session on another replica.
type others struct {
	opened []int64
	heard  time.Time
}

// openedLocked takes in a new stream of a session.
func (h *Hub) openedLocked(key string, l *Listener) {
	own := h.owners[key]
	if n := len(own.listeners); n > 0 { // a clock may jump
		l.opened = max(l.opened, own.listeners[n-1].opened+1)
	}
	own.listeners = append(own.listeners, l)
	own.opened = true
	clear(own.others) // they answer
	h.shedLocked(own)
	h.tellLocked(key, own)
}

// closedLocked removes a stream, if it was a session's.
func (h *Hub) closedLocked(key string, l *Listener) {
	if own := h.owners[key]; own != nil {
		own.listeners = slices.DeleteFunc(own.listeners, func(other *Listener) bool { return other == l })
	}
}

// shedLocked ends the oldest streams of a session when it has too many, as far as they are here. All replicas agree on which
// these are.
func (h *Hub) shedLocked(own *owner) {
	type stream struct {
		opened int64
		hub    string
		here   *Listener
	}
	var all []stream
	for _, l := range own.listeners {
		all = append(all, stream{l.opened, h.name, l})
	}
	for hub, other := range own.others {
		if time.Since(other.heard) > othersTime {
			continue
		}
		for _, opened := range other.opened {
			all = append(all, stream{opened, hub, nil})
		}
	}
	slices.SortFunc(all, func(a, b stream) int {
		return cmp.Or(cmp.Compare(a.opened, b.opened), strings.Compare(a.hub, b.hub))
	})
	for _, s := range all[:max(0, len(all)-maxPerSession)] {
		if s.here != nil {
			s.here.push(replaced())
			h.removeLocked(s.here)
		}
	}
}

// tellLocked tells the other replicas which streams a session has here, after what they are being told already.
func (h *Hub) tellLocked(key string, own *owner) {
	if h.options.Tell == nil || h.ctx.Err() != nil {
		return
	}
	own.again = true
	if own.telling {
		return
	}
	own.telling = true
	h.background.Go(func() {
		for text := h.next(key, own); text != ""; text = h.next(key, own) {
			ctx, cancel := context.WithTimeout(h.ctx, tellTime)
			_ = h.options.Tell(ctx, text) // else each replica has a limit of its own, until the next stream
			cancel()
		}
	})
}

// next is what the other replicas have to be told; empty when that is nothing.
func (h *Hub) next(key string, own *owner) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !own.again {
		own.telling = false
		return ""
	}
	kind := toldHave
	if own.opened {
		kind = toldOpened
	}
	own.again, own.opened = false, false
	words := []string{key, h.name, kind}
	for _, l := range own.listeners {
		words = append(words, strconv.FormatInt(l.opened, 36))
	}
	return ownerPrefix + strings.Join(words, " ")
}

// heardOwner takes in what another replica has told about the streams of a session.
func (h *Hub) heardOwner(text string) {
	words := strings.Fields(text)
	if len(words) < 3 || words[1] == h.name {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	own := h.owners[words[0]]
	if own == nil || len(own.listeners) == 0 {
		return
	}
	other := others{heard: time.Now()}
	for _, word := range words[3:] {
		opened, err := strconv.ParseInt(word, 36, 64)
		if err != nil {
			return
		}
		other.opened = append(other.opened, opened)
	}
	if own.others == nil {
		own.others = map[string]others{}
	}
	if words[2] == toldOpened {
		clear(own.others) // the others answer that
	}
	own.others[words[1]] = other
	h.shedLocked(own)
	if words[2] == toldOpened {
		h.tellLocked(words[0], own)
	}
}
