package flows

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"stagedoor/httperror"
	"stagedoor/session"
)

// maxFragment bounds what the callback page hands over, in bytes.
const maxFragment = 16 << 10

var (
	//go:embed fragment.html
	fragmentHTML string
	//go:embed fragment.js
	fragmentJS string

	fragmentBody = renderFragmentPage()
	fragmentCSP  = "default-src 'none'; script-src '" + httperror.HashSource(fragmentJS) + "'; style-src '" +
		httperror.HashSource(httperror.PageCSS) + "'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func renderFragmentPage() []byte {
	var body bytes.Buffer
	page := template.Must(template.New("fragment").Parse(fragmentHTML))
	err := page.Execute(&body, map[string]any{"CSS": template.CSS(httperror.PageCSS), "JS": template.JS(fragmentJS)})
	if err != nil { // the template is fixed and a buffer takes every write
		panic(err)
	}
	return body.Bytes()
}

// fragmentPage is the callback of the implicit grant (RFC 6749 section 4.2.2): its script clears the address bar and hands
// the fragment to POST /auth/fragment.
func fragmentPage(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", fragmentCSP)
	w.Header().Set("Content-Length", strconv.Itoa(len(fragmentBody)))
	_, _ = w.Write(fragmentBody) // a client that left needs no answer
	return nil
}

// fragment makes a session of what the consent page put behind the #. The token then lives in the session, and ends it
// when it ends: there is no refresh token.
func (h *Handler) fragment(w http.ResponseWriter, r *http.Request) error {
	note, login, err := h.redeemFragment(w, r)
	if err == nil {
		err = h.keep(w, r, note, login)
	}
	h.metrics.LoggedIn(resultOf(err))
	if err != nil {
		h.auditLogin(err)
		return err
	}
	return writeJSON(w, r, map[string]string{"return_to": cmp.Or(note.ReturnTo, "/")}) // a shared account's login has none
}

func (h *Handler) redeemFragment(w http.ResponseWriter, r *http.Request) (note loginNote, login session.Login, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFragment))
	if err != nil {
		return note, login, httperror.New(httperror.BodyTooLarge, "This is no answer of Spotify's. Begin again.", err)
	}
	values, err := once(string(body), "access_token", "token_type", "expires_in", "scope", "state", "error", "iss")
	if err != nil {
		return note, login, err
	}
	if err := h.checkIssuer(values); err != nil {
		return note, login, err
	}
	if note, err = h.finishAttempt(r, values.Get("state")); err != nil {
		return note, login, err
	}
	if denied := values.Get("error"); denied != "" {
		return note, login, refusedBySpotify(denied)
	}
	login.AuthorizedAt = h.now()
	if login.Grant, err = h.fragmentGrant(values, note); err != nil {
		return note, login, err
	}
	login.User, err = h.profile(r.Context(), login.Grant.Token) // which also proves the token
	return note, login, err
}

func (h *Handler) fragmentGrant(values url.Values, note loginNote) (session.Grant, error) {
	seconds, err := strconv.ParseInt(values.Get("expires_in"), 10, 64)
	if err != nil {
		seconds = 0 // as good as none
	}
	if !isToken(values.Get("access_token")) || !isBearer(values.Get("token_type")) {
		return session.Grant{}, restart(httperror.InvalidRequest, "Spotify sent no token. Begin again.", nil)
	}
	scopes := splitScopes(values.Get("scope"))
	if len(scopes) == 0 {
		scopes = note.Scopes
	}
	return session.Grant{Token: session.Token{
		Access: session.NewSecret(values.Get("access_token")), Expiry: h.now().Add(lifetime(seconds)), Scopes: scopes,
	}}, nil
}
