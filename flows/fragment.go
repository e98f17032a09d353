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

	"stagedoor/flows/token"
	"stagedoor/internal/httperror"
	"stagedoor/internal/page"
	"stagedoor/secret"
	"stagedoor/session"
)

const fragmentPath = "/auth/fragment"

var fragmentEndpoint = endpoint{
	path: fragmentPath, methods: post, serve: (*Handler).fragment,
	enabled: func(o Options) bool { return o.Config.Flow == FlowImplicit },
}

// maxFragment bounds what the callback page hands over, in bytes.
const maxFragment = 16 << 10

//go:embed fragment.js
var fragmentJS string

// fragmentParts are what the page has beyond all pages: a script that may ask the gateway.
var fragmentParts = page.Parts{Script: fragmentJS, Connect: "'self'"}

// fragmentPage is the callback of the implicit grant (RFC 6749 section 4.2.2): its script clears the address bar and hands
// the fragment to POST /auth/fragment.
func (h *Handler) fragmentPage(w http.ResponseWriter, r *http.Request) error {
	const title = "Logging in"
	h.fragments.Write(w, r, http.StatusOK, h.pages.Title(title), h.pages.Main(httperror.Body{
		Title: title,
		Text: g.Group{
			html.P(html.ID("message"), html.Role("status"), g.Text("One moment.")),
			html.NoScript(html.P(g.Text("This login needs JavaScript. Turn it on for this page and begin again."))),
		},
		Links: []g.Node{html.A(html.Href(loginPath), g.Text("Log in again"))},
	}))
	return nil
}

// fragment makes a session of what the consent page put behind the #. The token then lives in the session, and ends it
// when it ends: there is no refresh token.
func (h *Handler) fragment(w http.ResponseWriter, r *http.Request) error {
	begun, login, err := h.redeemFragment(w, r)
	if err == nil {
		err = h.keep(w, r, begun, login)
	}
	h.metrics.LoggedIn(loginResult(err))
	if err != nil {
		h.auditLogin(err)
		return begun.wayOn(err)
	}
	return writeJSON(w, r, map[string]string{"return_to": cmp.Or(begun.ReturnTo, "/")}) // a shared account's login has none
}

// redeemFragment is redeem for a token that came by way of the browser: any client can send one, so the call that asks
// Spotify for its user takes a slot, as that for a code does.
func (h *Handler) redeemFragment(w http.ResponseWriter, r *http.Request) (begun loginState, login session.Login, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFragment))
	if err != nil {
		return begun, login, httperror.New(httperror.BodyTooLarge, "This is not an answer of Spotify's. Begin again.", err)
	}
	values, err := once(string(body), "access_token", "token_type", "expires_in", "scope", "state", "error", "iss")
	if err != nil {
		return begun, login, err
	}
	if begun, err = h.openAnswer(r, values); err != nil {
		return begun, login, err
	}
	login.AuthorizedAt = h.now()
	if login.Grant, err = h.fragmentGrant(values, begun); err != nil {
		return begun, login, err
	}
	slot, err := h.tokens.AcquireLogin(r.Context())
	if err != nil {
		return begun, login, crowded(err)
	}
	defer slot.Release()
	if err := h.spendLogin(r, &begun); err != nil {
		return begun, login, err
	}
	login.User, err = h.profile(r.Context(), login.Grant.Token) // which also proves the token
	return begun, login, err
}

func (h *Handler) fragmentGrant(values url.Values, begun loginState) (session.Grant, error) {
	seconds, err := strconv.ParseInt(values.Get("expires_in"), 10, 64)
	if err != nil {
		seconds = 0 // as good as none
	}
	if !token.Valid(values.Get("access_token")) || !token.IsBearer(values.Get("token_type")) {
		return session.Grant{}, restart(httperror.InvalidRequest, "Spotify sent no token. Begin again.", nil)
	}
	scopes := token.SplitScopes(values.Get("scope"))
	if len(scopes) == 0 {
		scopes = begun.Scopes
	}
	return session.Grant{Token: session.Token{
		Access: secret.New(values.Get("access_token")), Expiry: h.now().Add(token.Lifetime(seconds)), Scopes: scopes,
	}}, nil
}
