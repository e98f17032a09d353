package quota

import (
	"context"
	"sync"
	"time"
)

// Memory is the Gates and the Allowance of a single replica, in its process.
type Memory struct {
	now func() time.Time

	mu    sync.Mutex // guards what follows
	gates map[Bucket]*memoryGate
	holdings
}

type memoryGate struct {
	until  time.Time
	reason Reason
	guess  time.Duration // what an answer that does not say how long closed it for last
	probe  time.Time     // until when others wait for the call that goes first
	holder string
}

// NewMemory makes open gates and an unused allowance.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, gates: map[Bucket]*memoryGate{}, holdings: newHoldings()}
}

// Check implements Gates.
func (m *Memory) Check(_ context.Context, bucket Bucket, holder string) (GateState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, now := m.gates[bucket], m.now()
	if g == nil {
		return GateState{}, nil
	}
	state := GateState{Closed: true, Left: max(0, g.until.Sub(now)), Reason: g.reason}
	if state.Left == 0 && holder != "" && (!now.Before(g.probe) || g.holder == holder) {
		g.probe, g.holder, state.First = now.Add(probeTime), holder, true
	}
	return state, nil
}

// Pass implements Gates.
func (m *Memory) Pass(_ context.Context, bucket Bucket, holder string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g := m.gates[bucket]; g != nil && g.holder == holder {
		g.probe = time.Time{}
	}
	return nil
}

// Shut implements Gates.
func (m *Memory) Shut(_ context.Context, bucket Bucket, left time.Duration, reason Reason) (GateState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, now := m.gates[bucket], m.now()
	if g == nil {
		g = &memoryGate{}
		m.gates[bucket] = g
	}
	if left == 0 && now.Before(g.until) { // one of several calls that were rejected together
		left = g.until.Sub(now)
	}
	if left == 0 {
		g.guess = min(max(2*g.guess, leastShut), mostGuess)
		left = g.guess
	}
	if until := now.Add(left); until.After(g.until) {
		g.until, g.reason = until, reason
	}
	g.probe = time.Time{}
	return GateState{Closed: true, Left: g.until.Sub(now), Reason: g.reason}, nil
}

// Open implements Gates.
func (m *Memory) Open(_ context.Context, bucket Bucket) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.gates, bucket)
	return nil
}

// Draw implements Allowance. There is nobody to tell.
func (m *Memory) Draw(_ context.Context, d Draw) (Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.holdings.draw(d, m.now()), nil
}
