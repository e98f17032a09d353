package simulator

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"
)

// consentPage is what the consent page shows and sends back.
type consentPage struct {
	App, Target string
	Scopes      []string // sentences
	Users       []*User
	Hidden      []hiddenField
}

type hiddenField struct{ Name, Value string }

// writeConsent shows the consent page. It is shown at every login, so that another sample user can be chosen: Spotify
// would skip it when show_dialog is off and the user has agreed before.
func (s *Server) writeConsent(w http.ResponseWriter, a authorization, params url.Values) {
	page := consentPage{App: a.client.title(), Users: s.order}
	for _, scope := range a.scopes {
		page.Scopes = append(page.Scopes, scopes[scope])
	}
	slices.Sort(page.Scopes)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "user" && name != "decision" {
			page.Hidden = append(page.Hidden, hiddenField{name, params.Get(name)})
		}
	}
	page.Target, _, _ = strings.Cut(a.redirectURI, "?")
	writeDocument(w, http.StatusOK, "'self' "+formTarget(a.redirectURI), "Log in", page.main())
}

// formTarget is the CSP source of a redirect URI: form-action also restricts where the form's answer redirects to (CSP
// level 3, section 6.4.2). CSP cannot name an IPv6 address, so for one it is the scheme.
func formTarget(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil { // it was registered
		return "'none'"
	}
	if strings.Contains(u.Hostname(), ":") {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

func (p consentPage) main() g.Node {
	return html.Main(
		html.H1(g.Text(p.App+" asks for your permission")),
		html.Form(html.Method("post"), html.Action("/authorize"),
			g.Map(p.Hidden, hiddenField.input),
			p.people(),
			p.permissions(),
			html.P(html.Class("soft"), g.Text("Either button takes you back to "), literal(p.Target), g.Text(".")),
			html.Div(html.Class("buttons"),
				html.Button(html.Class("agree"), html.Name("decision"), html.Value("agree"), g.Text("Agree")),
				html.Button(html.Name("decision"), html.Value("cancel"), html.FormNoValidate(), g.Text("Cancel")),
			),
		),
	)
}

// input carries a parameter of the request for consent to the decision.
func (f hiddenField) input() g.Node {
	return html.Input(html.Type("hidden"), html.Name(f.Name), html.Value(f.Value))
}

// people lets a person be somebody; the first is chosen already.
func (p consentPage) people() g.Node {
	choices := make(g.Group, len(p.Users))
	for i, user := range p.Users {
		choices[i] = user.choice(i == 0)
	}
	return html.FieldSet(html.Legend(g.Text("Who are you?")), choices)
}

func (u *User) choice(chosen bool) g.Node {
	return html.Label(html.Class("user"),
		html.Input(html.Type("radio"), html.Name("user"), html.Value(u.ID), g.If(chosen, html.Checked())),
		html.Img(html.Src("/_simulator/images/user/"+url.PathEscape(u.ID)+".svg"), html.Alt(""), html.Width("40"), html.Height("40")),
		html.Span(g.Text(u.Name), html.Small(g.Text(u.standing()))),
	)
}

// standing is what a person can expect.
func (u *User) standing() string {
	switch {
	case u.Unregistered:
		return "not on the app’s list: logging in works, calls are refused"
	case u.Country != "":
		return u.Product + ", " + u.Country
	default:
		return u.Product
	}
}

func (p consentPage) permissions() g.Node {
	if len(p.Scopes) == 0 {
		return html.P(g.Text("The app asks for nothing beyond what everybody can see of you."))
	}
	return g.Group{
		html.H2(g.Text("The app may then")),
		html.Ul(html.Class("scopes"), g.Map(p.Scopes, func(sentence string) g.Node { return html.Li(g.Text(sentence)) })),
	}
}
