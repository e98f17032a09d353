package proxy

import (
	"net/http"
	"slices"
	"strings"

	"stagedoor/httperror"
	"stagedoor/proxy/policy"
	"stagedoor/webapi"
)

// maxKeptMessage bounds a message of Spotify's that is repeated in an answer of ours, in bytes.
const maxKeptMessage = 300

// explainRefusal turns the two 403 that a user can do something about into answers that say what: a user who is not on the
// app's list, and a scope that was not granted. It returns nil for any other, whose body stays as it was; so does the
// answer to a call that speaks for the app or a shared account, for whom no login helps.
func (a *apiRoute) explainRefusal(res *http.Response) error {
	ctx := res.Request.Context()
	c := callOf(ctx)
	if res.StatusCode != http.StatusForbidden || !c.session.IsUser() {
		return nil
	}
	message := peekMessage(res)
	if refusal := httperror.UserNotListed(message); refusal != nil {
		return refusal
	}
	if !policy.ContainsFold(message, "insufficient client scope") && !challengesScope(res) {
		return nil
	}
	missing := missingScopes(res.Request.Method, strings.TrimPrefix(res.Request.URL.Path, a.api.Path), c.token.Scopes)
	kept := strings.ToValidUTF8(bounded(message, maxKeptMessage), "")
	return httperror.StepUp(exchangeOf(ctx).request, a.public, kept, missing)
}

// challengesScope tells whether a 403 names the scope as its cause as RFC 6750 section 3.1 has it.
func challengesScope(res *http.Response) bool {
	return slices.ContainsFunc(res.Header["Www-Authenticate"], func(c string) bool { return policy.ContainsFold(c, "insufficient_scope") })
}

// missingScopes are those of an operation that were not granted; none when the operation is unknown.
func missingScopes(method, path string, granted []string) []string {
	operation, known := webapi.Find(method, path)
	if !known {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(operation.Scopes), func(scope string) bool { return slices.Contains(granted, scope) })
}
