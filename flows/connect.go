package flows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"

	"stagedoor/internal/httperror"
	"stagedoor/internal/page"
	"stagedoor/session"
)

const connectPath = "/auth/connect"

var connectEndpoint = endpoint{path: connectPath, methods: readPost, page: true, serve: (*Handler).connect}

// ticketParam carries the ticket in the query, which no log line has.
const ticketParam = "ticket"

// ConnectLink makes a one-time link below the public URL: the user that opens it, presses its page's button and consents
// becomes the shared account. The scopes are what the account will be asked for.
func ConnectLink(ctx context.Context, sessions *session.Operator, publicURL, account string, scopes []string) (string, error) {
	text, err := json.Marshal(loginState{Account: account, Scopes: scopes})
	if err != nil {
		return "", err
	}
	ticket, err := sessions.IssueTicket(ctx, text)
	if err != nil {
		return "", err
	}
	return publicURL + connectPath + "?" + url.Values{ticketParam: {ticket.Reveal()}}.Encode(), nil
}

// connect shows what a link is for, and sends the owner of a shared account to the consent page when they press the button.
// Only that uses the link up: mail programs and messengers open links before people do. The consent page always shows, so
// that the owner sees which user they are logged in as. The cross-origin rule has been applied to a POST before.
func (h *Handler) connect(w http.ResponseWriter, r *http.Request) error {
	if err := h.navigationsOnly(r); err != nil {
		return err
	}
	if h.redirectToPublicURL(w, r) {
		return nil
	}
	query, err := params(r, ticketParam)
	if err != nil {
		return err
	}
	text, err := h.sessions.OpenTicket(r.Context(), query.Get(ticketParam), r.Method == http.MethodPost)
	if errors.Is(err, session.ErrNoTicket) {
		used := httperror.New(httperror.InvalidRequest,
			"This link has been used or is older than ten minutes. Make another with `stagedoor accounts connect`.", err)
		used.Title = "This link is not good any more"
		return used
	}
	if err != nil {
		return httperror.FromSession(err)
	}
	var begun loginState
	if err := json.Unmarshal(text, &begun); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		return h.askForConsent(w, r, begun, true)
	}
	h.connectPage(w, r, begun.Account)
	return nil
}

// connectParts are what the page has beyond all pages: a form that leads to this gateway and from there to the consent page.
func connectParts(authorizeURL string) page.Parts {
	sources := "'self'"
	if consent, err := url.Parse(authorizeURL); err == nil && consent.Host != "" {
		sources += " " + consent.Scheme + "://" + consent.Host
	}
	return page.Parts{FormAction: sources}
}

func (h *Handler) connectPage(w http.ResponseWriter, r *http.Request, account string) {
	const title = "Connect a Spotify account"
	h.connects.Write(w, r, http.StatusOK, h.pages.Title(title), h.pages.Main(httperror.Body{
		Title: title,
		Text: g.Group{
			html.P(g.Text(fmt.Sprintf("You are about to log in at Spotify. The account that you choose there becomes this app's "+
				"shared account “%s”: what the app reads or does with it, it does as you, for everybody who uses the app.", account))),
			html.P(html.Class("wait"), g.Text("The button uses this link up. If nobody asked you to open it, close this page.")),
		},
		Links: []g.Node{html.Form(html.Method("post"), // without an action it leads to the page's own address, so the page holds no ticket
			html.Button(html.Type("submit"), g.Text("Go on to Spotify")))},
	}))
}
