package session_test

import (
	"testing"
	"testing/synctest"

	"stagedoor/session"
)

func TestTicketWorksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, session.Options{})
		issue := func() string {
			ticket, err := m.Operator().IssueTicket(t.Context(), []byte("text"))
			if err != nil {
				t.Fatal(err)
			}
			return ticket.Reveal()
		}
		used, late := issue(), issue()
		for range 3 { // to read it is not to use it
			if text, err := m.OpenTicket(t.Context(), used, false); string(text) != "text" || err != nil {
				t.Errorf("peeking: got %q, %v", text, err)
			}
		}
		if text, err := m.OpenTicket(t.Context(), used, true); string(text) != "text" || err != nil {
			t.Errorf("got %q, %v", text, err)
		}
		pass(session.TicketLifetime)
		for name, ticket := range map[string]string{"used": used, "late": late, "unknown": session.NewKey().Reveal()[:43], "none": ""} {
			_, err := m.OpenTicket(t.Context(), ticket, false)
			wantError(t, name+", peeked", err, session.ErrNoTicket)
			_, err = m.OpenTicket(t.Context(), ticket, true)
			wantError(t, name, err, session.ErrNoTicket)
		}
	})
}
