package session

import (
	"context"
	"errors"
	"time"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

// TicketLifetime is how long a one-time link is good for.
const TicketLifetime = 10 * time.Minute

// ErrNoTicket says that the ticket of a one-time link is unknown, used or too old.
var ErrNoTicket = errors.New("no such ticket")

// IssueTicket keeps a text for a one-time link and returns the ticket that the link carries.
func (o *Operator) IssueTicket(ctx context.Context, text []byte) (secret.Text, error) {
	ticket := newID()
	k := keyForID(kindTicket, ticket)
	sealed, err := o.m.vault.seal(k, text)
	if err != nil {
		return secret.Text{}, err
	}
	return ticket, o.m.options.Store.Save(ctx, k.key, Entry{Version: 1, Data: sealed}, TicketLifetime, "")
}

// OpenTicket returns the text of a one-time link, which stays good unless it is spent. It answers ErrNoTicket for a ticket that
// is unknown, spent or older than TicketLifetime. A ticket that does not open is not spent.
func (m *Manager) OpenTicket(ctx context.Context, ticket string, spend bool) ([]byte, error) {
	parsed, ok := parseID(ticket)
	if !ok {
		return nil, ErrNoTicket
	}
	k := keyForID(kindTicket, parsed)
	entry, err := m.options.Store.Load(ctx, k.key)
	if errors.Is(err, ErrAbsent) {
		return nil, ErrNoTicket
	}
	if err != nil {
		return nil, err
	}
	text, err := m.vault.open(k, entry.Data)
	if errors.Is(err, seal.ErrSealed) {
		return nil, ErrNoTicket
	}
	if err != nil || !spend {
		return text, err
	}
	first, err := m.options.Store.Delete(ctx, k.key)
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, ErrNoTicket
	}
	return text, nil
}
