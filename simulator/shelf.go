package simulator

import (
	"slices"
	"time"
)

// shelf is a part of a library: ids in the order in which a page shows them, newest first.
type shelf struct{ entries []saved }

type saved struct {
	id string
	at time.Time
}

func (s *shelf) index(id string) int {
	return slices.IndexFunc(s.entries, func(e saved) bool { return e.id == id })
}

func (s *shelf) has(id string) bool { return s.index(id) >= 0 }

func (s *shelf) append(id string, at time.Time) { s.entries = append(s.entries, saved{id, at}) }

// put saves an id; one that is there stays where it is.
func (s *shelf) put(id string, at time.Time) {
	if !s.has(id) {
		s.entries = slices.Insert(s.entries, 0, saved{id, at})
	}
}

func (s *shelf) remove(id string) {
	if i := s.index(id); i >= 0 {
		s.entries = slices.Delete(s.entries, i, i+1)
	}
}
