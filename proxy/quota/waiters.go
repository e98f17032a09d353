package quota

// waiter is a call that waits for its turn.
type waiter struct {
	turn  Turn
	late  bool          // its session has used up its share
	ready chan struct{} // closed when the call may leave
	index int           // in the queue; -1 when it is not there
}

// waiters are a heap: the call of the highest priority first, and of those the oldest. Sessions that have used up their
// share come behind all others.
type waiters []*waiter

func (w waiters) Len() int { return len(w) }
func (w waiters) Less(i, j int) bool {
	if w[i].late != w[j].late {
		return w[j].late
	}
	if w[i].turn.Priority != w[j].turn.Priority {
		return w[i].turn.Priority > w[j].turn.Priority
	}
	return w[i].turn.Since.Before(w[j].turn.Since)
}

func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}

// Push implements heap.Interface.
func (w *waiters) Push(x any) {
	added := x.(*waiter)
	added.index = len(*w)
	*w = append(*w, added)
}

// Pop implements heap.Interface.
func (w *waiters) Pop() any {
	last := (*w)[len(*w)-1]
	last.index = -1
	*w = (*w)[:len(*w)-1]
	return last
}
