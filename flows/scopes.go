package flows

import (
	"errors"
	"slices"

	"stagedoor/internal/webapi"
)

// CheckScopes says which of the names is not a scope of Spotify's, and which was perhaps meant.
func CheckScopes(scopes []string) error {
	for _, scope := range scopes {
		if !webapi.Known(scope) {
			return errors.New(scopeProblem(scope))
		}
	}
	return nil
}

// union returns every scope once, in the order of first mention.
func union(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		for _, scope := range list {
			if !slices.Contains(all, scope) {
				all = append(all, scope)
			}
		}
	}
	return all
}
