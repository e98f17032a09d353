package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"

	"stagedoor/command/gateway"
	"stagedoor/command/logging"
	"stagedoor/session"
)

// sessions is the command that lists and ends sessions for the operator.
func sessions(ctx context.Context, e environment, verb string, args []string) error {
	flags := flag.NewFlagSet("sessions "+verb, flag.ContinueOnError)
	file := configFlag(flags)
	user := flags.String("user", "", "the `ID` of a user whose sessions are meant")
	var chosen selection
	var asJSON bool
	if verb == "revoke" {
		flags.StringVar(&chosen.handle, "handle", "", "the `HANDLE` of the one session that is meant")
		flags.BoolVar(&chosen.all, "all", false, "all sessions of all users")
	} else {
		flags.BoolVar(&asJSON, "json", false, "list one JSON object a line")
	}
	if err := parse(flags, args); err != nil {
		return err
	}
	if verb == "list" {
		print := printRow
		if asJSON {
			print = printJSON
		}
		return withSessions(ctx, e, *file, func(store operatorStore) error { return listSessions(ctx, e, store, *user, print) })
	}
	chosen.user = *user
	if !chosen.isOne() {
		return usagef("sessions revoke takes one of -user ID, -handle HANDLE and -all")
	}
	return withSessions(ctx, e, *file, func(store operatorStore) error { return revokeSessions(ctx, e, store, chosen) })
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

// printSession prints one session of a list, or the head of the list for nil.
type printSession func(w io.Writer, s *session.Summary) error

// printRow prints a row of a table. The widths are fixed, so that a list of any length is printed as it is read.
func printRow(w io.Writer, s *session.Summary) error {
	const format = "%-30s  %-24s  %-16s  %-20s  %-20s  %s\n"
	if s == nil {
		_, err := fmt.Fprintf(w, format, "USER", "NAME", "HANDLE", "LOGGED IN", "LAST SEEN", "USER AGENT")
		return err
	}
	_, err := fmt.Fprintf(w, format, strconv.Quote(s.User.ID), strconv.Quote(s.User.DisplayName), s.Handle,
		s.CreatedAt.Format(time.RFC3339), s.LastSeenAt.Format(time.RFC3339), strconv.Quote(s.UserAgent))
	return err
}

// printJSON prints a JSON object on a line.
func printJSON(w io.Writer, s *session.Summary) error {
	if s == nil {
		return nil
	}
	return json.NewEncoder(w).Encode(map[string]string{
		"user": s.User.ID, "account_id": s.User.AccountID, "display_name": s.User.DisplayName, "handle": s.Handle,
		"created_at": s.CreatedAt.Format(time.RFC3339), "last_seen_at": s.LastSeenAt.Format(time.RFC3339), "user_agent": s.UserAgent,
	})
}

// listSessions prints the sessions of a user, or of all, as they are read. The head comes with the first, so that an error
// at the begin stands alone.
func listSessions(ctx context.Context, e environment, store operatorStore, user string, print printSession) error {
	out := bufio.NewWriter(e.stdout)
	headed := false
	progress := newProgress(e.stderr)
	printAll := func(list []session.Summary) error {
		progress.add(len(list))
		if !headed {
			headed = true
			if err := print(out, nil); err != nil {
				return err
			}
		}
		for i := range list {
			if err := print(out, &list[i]); err != nil {
				return err
			}
		}
		return nil
	}
	err := eachOf(ctx, store, user, printAll)
	if err == nil && !headed {
		err = printAll(nil)
	}
	return errors.Join(err, out.Flush())
}

// eachOf calls visit with the sessions of a user, or of one user after the other when it is empty.
func eachOf(ctx context.Context, store operatorStore, user string, visit func([]session.Summary) error) error {
	if user == "" {
		return store.manager.Operator().Each(ctx, visit)
	}
	ids, err := store.manager.Operator().UsersNamed(ctx, user)
	if err != nil {
		return err
	}
	for _, id := range ids {
		list, err := store.manager.Sessions(ctx, id)
		if err != nil {
			return err
		}
		if err := visit(list); err != nil {
			return err
		}
	}
	return nil
}

func revokeSessions(ctx context.Context, e environment, store operatorStore, chosen selection) error {
	count, err := revoke(ctx, store, chosen)
	if err != nil {
		return fmt.Errorf("%d sessions ended, then: %w", count, err)
	}
	if count == 0 && !chosen.all {
		return errors.New("there is no such session; `stagedoor sessions list` shows those that there are")
	}
	_, err = fmt.Fprintf(e.stdout, "%d sessions ended.\n", count)
	return err
}

func revoke(ctx context.Context, store operatorStore, chosen selection) (count int, err error) {
	switch {
	case chosen.all:
		return store.manager.Operator().EndAll(ctx)
	case chosen.handle != "":
		return store.manager.Operator().EndHandle(ctx, chosen.handle)
	}
	ids, err := store.manager.Operator().UsersNamed(ctx, chosen.user)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		ended, err := store.manager.Operator().EndUser(ctx, id)
		count += ended
		if err != nil {
			return count, err
		}
	}
	return count, nil
}

// operatorStore is the store of the gateways, opened by a command beside them.
type operatorStore struct {
	manager   *session.Manager
	publicURL string
	scopes    []string
	accounts  []string
}

// auditTimeout is how long a command waits at its end for its audit lines to be written.
const auditTimeout = 10 * time.Second

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
	log, err := logging.New(c.Log, e.stderr) // for the audit lines of what the operator ends
	if err != nil {
		return &usageError{err}
	}
	defer log.Close(auditTimeout)
	manager, closed, err := gateway.OpenManager(c, e.process(), log.Logger)
	if err != nil {
		return err
	}
	store := operatorStore{manager: manager, publicURL: c.Server.PublicURL, scopes: c.Spotify.Scopes}
	for name := range c.Accounts {
		store.accounts = append(store.accounts, name)
	}
	return errors.Join(use(store), closed())
}

func usagef(format string, values ...any) error {
	return &usageError{fmt.Errorf("stagedoor "+format, values...)}
}
