package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"time"

	"stagedoor/internal/outcome"
	"stagedoor/session"
)

// explain is the command that says what is known about the sessions of one user, or about one session.
func explain(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("sessions explain", flag.ContinueOnError)
	file := configFlag(flags)
	var chosen selection
	flags.StringVar(&chosen.user, "user", "", "the `ID` of a user whose sessions are meant")
	flags.StringVar(&chosen.handle, "handle", "", "the `HANDLE` of the one session that is meant")
	asJSON := flags.Bool("json", false, "print one JSON object a line")
	if err := parse(flags, args); err != nil {
		return err
	}
	if !chosen.isOne() {
		return usagef("sessions explain takes one of -user ID and -handle HANDLE")
	}
	return withSessions(ctx, e, *file, func(store operatorStore) error {
		found, err := explained(ctx, store, chosen)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errors.New("nothing is known: there is no such session, and none has ended within the last week")
		}
		out := bufio.NewWriter(e.stdout)
		for _, x := range found {
			err := printExplained(out, x, *asJSON)
			if err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

func explained(ctx context.Context, store operatorStore, chosen selection) ([]session.Explanation, error) {
	if chosen.handle != "" {
		x, found, err := store.manager.Operator().ExplainHandle(ctx, chosen.handle)
		if err != nil || !found {
			return nil, err
		}
		return []session.Explanation{x}, nil
	}
	ids, err := store.manager.Operator().UsersNamed(ctx, chosen.user)
	if err != nil {
		return nil, err
	}
	var found []session.Explanation
	for _, id := range ids {
		more, err := store.manager.Operator().ExplainUser(ctx, id)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// endings say in words why sessions have ended.
var endings = map[outcome.End]string{
	outcome.EndLogout:       "its user logged it out",
	outcome.EndEverywhere:   "its user logged out everywhere",
	outcome.EndOperator:     "an operator revoked it",
	outcome.EndIdle:         "it was not used for session.idle_timeout",
	outcome.EndAbsolute:     "it reached session.max_lifetime",
	outcome.EndInvalidGrant: "Spotify ended the user's authorization, with invalid_grant",
	outcome.EndKeyRemoved:   "the session key that sealed it is not configured",
	outcome.EndStoreLost:    "the store lost it before its time; docs/operations.md says what to look at",
	outcome.EndReplaced:     "the same browser logged in again",
	outcome.EndTooMany:      "its user began more sessions than session.max_per_user",
}

// sentences say what is known about a session.
func sentences(x session.Explanation) string {
	text := "Session " + x.Handle
	if x.User.ID != "" {
		text += " of " + strconv.Quote(x.User.ID)
		if x.User.DisplayName != "" {
			text += " (" + strconv.Quote(x.User.DisplayName) + ")"
		}
	}
	switch {
	case !x.Alive:
		text += fmt.Sprintf(" ended at %s: %s (%s).", at(x.EndedAt), endings[x.Reason], x.Reason)
	case !x.EndedAt.IsZero():
		text += fmt.Sprintf(" waits for a new login since %s: %s (%s).", at(x.EndedAt), endings[x.Reason], x.Reason)
	default:
		text += fmt.Sprintf(" is logged in. It ends at %s unless it is used before, and at %s at the latest. "+
			"Its token is refreshed when it is needed; the audit lines with its label %s say when that was.",
			at(x.IdleAt), at(x.Deadline), x.Handle[:8])
	}
	if !x.CreatedAt.IsZero() {
		text += fmt.Sprintf(" It began at %s and was last seen at %s or a little later", at(x.CreatedAt), at(x.LastSeenAt))
		if x.UserAgent != "" {
			text += ", in " + strconv.Quote(x.UserAgent)
		}
		text += "."
	}
	return text
}

func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// printExplained prints sentences on a line, or a JSON object.
func printExplained(out *bufio.Writer, x session.Explanation, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprintln(out, sentences(x))
		return err
	}
	object := map[string]any{"handle": x.Handle, "alive": x.Alive, "text": sentences(x)}
	for name, text := range map[string]string{
		"user": x.User.ID, "account_id": x.User.AccountID, "display_name": x.User.DisplayName, "user_agent": x.UserAgent,
	} {
		if text != "" {
			object[name] = text
		}
	}
	for name, t := range map[string]time.Time{
		"created_at": x.CreatedAt, "last_seen_at": x.LastSeenAt, "idle_at": x.IdleAt, "deadline": x.Deadline, "ended_at": x.EndedAt,
	} {
		if !t.IsZero() {
			object[name] = at(t)
		}
	}
	if !x.EndedAt.IsZero() {
		object["reason"] = x.Reason.String()
	}
	return json.NewEncoder(out).Encode(object)
}
