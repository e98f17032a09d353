package fault

import (
	"stagedoor/e2e/stage"
)

// lawful checks what holds in every case, whatever breaks.
func lawful(h *stage.History, r *trial) {
	r.Helper()
	h.Mu.Lock()
	defer h.Mu.Unlock()
	total := 0
	for _, n := range h.Answers {
		total += n
	}
	r.expect("one answer a request, of its own session, 503 with Retry-After and no cookie",
		total == h.Sent && h.Answers["no answer"] == 0 && len(h.Foreign)+len(h.Unlawful) == 0,
		"%d requests had %d answers %v; %v; %v", h.Sent, total, h.Answers, h.Foreign, h.Unlawful)
}

// tokensOnce checks the simulator's log: what no gateway may do with refresh tokens.
func tokensOnce(w *stage.World, r *trial) {
	r.Helper()
	spent, twice := map[string]bool{}, []string{}
	for _, call := range w.Refreshes() {
		if spent[call.Token] {
			twice = append(twice, call.Token)
		}
		if call.Outcome == "rotated" {
			spent[call.Token] = true
		}
	}
	r.expect(stage.NeverPresented, len(twice) == 0, "%v did", twice)
}
