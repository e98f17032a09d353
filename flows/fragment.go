package flows

import (
	"cmp"
	_ "embed"
	"io"
	"net/http"
	"net/url"
	"strconv"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"

	"stagedoor/httperror"
	"stagedoor/page"
	"stagedoor/session"
)

// maxFragment bounds what the callback page hands over, in bytes.
const maxFragment = 16 << 10

//go:embed fragment.js
var fragmentJS string

// fragmentFrame is the frame of error pages, with a script that may ask the gateway.
var fragmentFrame = page.New(page.Parts{CSS: httperror.PageCSS, Script: fragmentJS, Connect: "'self'"})

// fragmentPage is the callback of the implicit grant (RFC 6749 section 4.2.2): its script clears the address bar and hands
// the fragment to POST /auth/fragment.
func fragmentPage(w http.ResponseWriter, r *http.Request) error {
	const title = "Logging in"
	fragmentFrame.Write(w, r, http.StatusOK, title, html.Main(
		html.Div(html.Class("text"),
			html.H1(g.Text(title)),
			html.P(html.ID("message"), html.Role("status"), g.Text("One moment.")),
			html.NoScript(html.P(g.Text("This login needs JavaScript. Turn it on for this page and begin again."))),
			html.Nav(
				html.A(html.Href(loginPath), g.Text("Log in again")),
				html.A(html.Href("/"), g.Text("Back to the start")),
			),
		),
	))
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
