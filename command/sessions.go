package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"stagedoor/flows"
	"stagedoor/metrics"
	"stagedoor/session"
)

// sessions is the operator's view of who is logged in.
func sessions(ctx context.Context, e environment, args []string) error {
	verb, args := cutVerb(args)
	flags := flag.NewFlagSet("sessions "+verb, flag.ContinueOnError)
	file := flags.String("config", "", "the configuration file")
	user := flags.String("user", "", "the id of a user")
	handle := flags.String("handle", "", "the handle of a session")
	all := flags.Bool("all", false, "all sessions of all users")
	if err := parse(flags, args); err != nil {
		return err
	}
	switch verb {
	case "list":
		if *handle != "" || *all {
			return usagef("sessions list takes only -user")
		}
		return withSessions(ctx, e, *file, func(store operatorStore) error { return listSessions(ctx, e, store, *user) })
	case "revoke":
		chosen := selection{user: *user, handle: *handle, all: *all}
		if !chosen.isOne() {
			return usagef("sessions revoke takes one of -user ID, -handle HANDLE and -all")
		}
		return withSessions(ctx, e, *file, func(store operatorStore) error { return revokeSessions(ctx, e, store, chosen) })
	default:
		return usagef("sessions takes list or revoke")
	}
}

// selection says which sessions an operator means.
type selection struct {
	user, handle string
	all          bool
}

func (s selection) isOne() bool {
	count := 0
	for _, set := range []bool{s.user != "", s.handle != "", s.all} {
		if set {
			count++
		}
	}
	return count == 1
}

func (s selection) has(one session.Summary) bool {
	return s.all || s.user != "" && (one.User.ID == s.user || one.User.AccountID == s.user) || s.handle != "" && one.Handle == s.handle
}

func listSessions(ctx context.Context, e environment, store operatorStore, user string) error {
	list, err := store.manager.AllSessions(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "USER\tNAME\tHANDLE\tLOGGED IN\tLAST SEEN\tUSER AGENT") // Flush tells
	for _, s := range list {
		if user != "" && !(selection{user: user}).has(s) {
			continue
		}
		_, _ = fmt.Fprintf(table, "%q\t%q\t%s\t%s\t%s\t%q\n", s.User.ID, s.User.DisplayName, s.Handle,
			s.CreatedAt.Format(time.RFC3339), s.LastSeenAt.Format(time.RFC3339), s.UserAgent)
	}
	return table.Flush()
}

func revokeSessions(ctx context.Context, e environment, store operatorStore, chosen selection) error {
	list, err := store.manager.AllSessions(ctx)
	if err != nil {
		return err
	}
	count := 0
	for _, s := range list {
		if !chosen.has(s) {
			continue
		}
		err := store.manager.EndSession(ctx, s.User.ID, s.Handle)
		if errors.Is(err, session.ErrNoSession) {
			continue // it ended by itself meanwhile
		}
		if err != nil {
			return fmt.Errorf("%d sessions ended, then: %w", count, err)
		}
		count++
	}
	if count == 0 && !chosen.all {
		return errors.New("there is no such session; `stagedoor sessions list` shows those that there are")
	}
	_, err = fmt.Fprintf(e.stdout, "%d sessions ended.\n", count)
	return err
}

// operatorStore is the store of the gateways, opened by a command beside them.
type operatorStore struct {
	manager   *session.Manager
	publicURL string
	scopes    []string
	accounts  []string
}

// withSessions opens the gateways' store for one command.
func withSessions(ctx context.Context, e environment, file string, use func(operatorStore) error) error {
	loaded, err := loadConfig(file, e)
	if err != nil {
		return err
	}
	c := loaded.Config
	if c.Session.Store != session.StoreRedis {
		return usagef("session.store is memory: only the gateway itself knows its sessions")
	}
	log, _, err := newLogger(c.Log, e.stderr) // for the audit lines of what the operator ends
	if err != nil {
		return &usageError{err}
	}
	opened, err := openSessions(c, flows.NewTokenEndpoint(c.Spotify, c.Server.PublicURL, nil),
		metrics.New(e.build.Version, e.build.Commit), log)
	if err != nil {
		return err
	}
	store := operatorStore{manager: opened.sessions, publicURL: c.Server.PublicURL, scopes: c.Spotify.Scopes}
	for name := range c.Accounts {
		store.accounts = append(store.accounts, name)
	}
	return errors.Join(use(store), opened.close())
}

// cutVerb takes the verb of a command that has several.
func cutVerb(args []string) (verb string, rest []string) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], args[1:]
}

func usagef(format string, values ...any) error {
	return &usageError{fmt.Errorf("stagedoor "+format, values...)}
}
