package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"stagedoor/flows"
	"stagedoor/session"
)

// accounts connects, lists and removes the shared accounts of the configuration.
func accounts(ctx context.Context, e environment, verb string, args []string) error {
	flags := flag.NewFlagSet("accounts "+verb, flag.ContinueOnError)
	file := configFlag(flags)
	scope := new(string)
	if verb == "connect" {
		flags.StringVar(scope, "scope", "", "the `SCOPES` to ask the owner for, separated by blanks; without it spotify.scopes")
	}
	name, err := parseNamed(flags, args)
	if err != nil {
		return err
	}
	wantsName := verb == "connect" || verb == "remove"
	switch {
	case wantsName && name == "":
		return usagef("accounts %s takes the name of an account: write accounts %s NAME", verb, verb)
	case !wantsName && name != "":
		return usagef("accounts %s: %q is one argument too many", verb, name)
	}
	return withSessions(ctx, e, *file, func(store operatorStore) error {
		if wantsName && !slices.Contains(store.accounts, name) {
			return usagef("accounts: the configuration has no account %q below accounts", name)
		}
		switch verb {
		case "connect":
			return connectAccount(ctx, e, store, name, strings.Fields(*scope))
		case "remove":
			return removeAccount(ctx, e, store, name)
		default:
			return listAccounts(ctx, e, store)
		}
	})
}

func connectAccount(ctx context.Context, e environment, store operatorStore, name string, scopes []string) error {
	if err := flows.CheckScopes(scopes); err != nil {
		return &usageError{err}
	}
	if len(scopes) == 0 {
		scopes = store.scopes
	}
	link, err := flows.ConnectLink(ctx, store.manager.Operator(), store.publicURL, name, scopes)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "Open this link within %d minutes, once, as the owner of the account %s:\n\n  %s\n\n",
		int(session.TicketLifetime/time.Minute), name, link)
	return err
}

func listAccounts(ctx context.Context, e environment, store operatorStore) error {
	slices.Sort(store.accounts)
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ACCOUNT\tUSER\tREAUTHORIZE BY\tSCOPES") // Flush tells
	for _, name := range store.accounts {
		account, err := store.manager.Account(ctx, name)
		switch {
		case err == nil:
			_, _ = fmt.Fprintf(table, "%s\t%q\t%s\t%s\n", name, account.User().ID,
				account.ReauthorizeBy().Format(time.RFC3339), strings.Join(account.Scopes(), " "))
		case errors.Is(err, session.ErrNoSession):
			_, _ = fmt.Fprintf(table, "%s\tnot connected\t\t\n", name)
		case errors.Is(err, session.ErrReauthorize):
			_, _ = fmt.Fprintf(table, "%s\tended by Spotify, connect it again\t\t\n", name)
		default:
			return err
		}
	}
	return table.Flush()
}

func removeAccount(ctx context.Context, e environment, store operatorStore, name string) error {
	removed, err := store.manager.Operator().RemoveAccount(ctx, name)
	if err != nil {
		return err
	}
	if !removed {
		return fmt.Errorf("the account %s is not connected", name)
	}
	_, err = fmt.Fprintf(e.stdout, "The account %s is not connected any more.\n", name)
	return err
}
