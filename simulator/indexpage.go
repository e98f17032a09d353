package simulator

import (
	"net/http"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"
)

// index is the page at /.
func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.writePage(w, http.StatusMethodNotAllowed, messagePage{Title: "That does not work here", Text: "The index page takes GET."})
		return
	}
	writeDocument(w, http.StatusOK, "'self'", "Index", html.Main(html.Class("wide"),
		html.H1(g.Text("A simulator of Spotify’s login and Web API")),
		html.P(g.Text("It serves tests and demonstrations, and it is stricter than what it imitates. Everything in it is gone when it stops.")),
		html.H2(g.Text("Make something go wrong")),
		inForce(s.Faults()),
		html.Details(html.Summary(g.Text("At the Web API")), presetButtons("api-")),
		html.Details(html.Summary(g.Text("At the token endpoint")), presetButtons("token-")),
		html.H2(g.Text("Addresses")), addresses(origin(r)),
		html.H2(g.Text("Apps")), apps(s.options.Clients),
		html.H2(g.Text("People")), html.Table(g.Map(s.order, (*User).row)),
		html.H2(g.Text("Control")), controls(),
	))
}

func addresses(origin string) g.Node {
	row := func(name, path string) g.Node { return html.Tr(html.Th(g.Text(name)), html.Td(literal(origin+path))) }
	return html.Table(
		row("Authorization", "/authorize"),
		row("Tokens", "/api/token"),
		row("Web API", "/v1"),
		row("Control", "/_simulator/"),
	)
}

func apps(clients []Client) g.Node {
	if len(clients) == 0 {
		return html.Table(html.Tr(html.Td(g.Text("none: nobody can log in"))))
	}
	return html.Table(g.Map(clients, Client.row))
}

func (c Client) row() g.Node {
	kind := "confidential"
	if c.public() {
		kind = "public, PKCE"
	}
	return html.Tr(html.Td(g.Text(c.title())), html.Td(literal(c.ID)), html.Td(g.Text(kind)))
}

func (u *User) row() g.Node {
	standing := u.Product
	if u.Unregistered {
		standing = "not on the app’s list"
	}
	return html.Tr(html.Td(g.Text(u.Name)), html.Td(literal(u.ID)), html.Td(g.Text(standing)))
}

// controls names the knobs, each with an example.
func controls() g.Node {
	row := func(call string, what ...g.Node) g.Node { return html.Tr(html.Td(literal(call)), html.Td(what...)) }
	return html.Table(
		row("GET /_simulator/seen", g.Text("requests as they arrived; "), literal("?path=/v1/me&wait=5s"), g.Text(" waits for one")),
		row("GET /_simulator/counts", g.Text("token calls by grant and outcome")),
		row("POST /_simulator/faults", g.Text("make something go wrong: "), literal(`{"preset":"api-429","times":1}`)),
		row("PUT /_simulator/consent", g.Text("decide in a person’s place: "), literal(`{"user":"ada"}`)),
		row("PUT /_simulator/refresh-mode", literal(`{"mode":"rotate"}`), g.Text(", keep or empty")),
		row("POST /_simulator/expire-access-tokens", g.Text("as if their hour had passed")),
		row("POST /_simulator/users/ada/revoke", g.Text("as if the user had removed the app")),
		row("POST /_simulator/advance", g.Text("move the clock: "), literal(`{"by":"4320h"}`)),
		row("POST /_simulator/reset", g.Text("begin again")),
	)
}
