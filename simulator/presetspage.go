package simulator

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"
)

// presetsPath is where the buttons of the index page lead.
const presetsPath = "/_simulator/presets/"

// pressPreset puts a preset into force until it is ended, and goes back to the index page.
func (s *Server) pressPreset(w http.ResponseWriter, r *http.Request) {
	f, err := Preset(r.PathValue("name"))
	if err == nil {
		_, err = s.AddFault(f)
	}
	if err != nil {
		s.writePage(w, http.StatusBadRequest, messagePage{Title: "There is no such preset", Text: err.Error()})
		return
	}
	http.Redirect(w, r, "/#in-force", http.StatusSeeOther)
}

// endPresets ends all faults, and goes back to the index page.
func (s *Server) endPresets(w http.ResponseWriter, r *http.Request) {
	s.ClearFaults()
	http.Redirect(w, r, "/#in-force", http.StatusSeeOther)
}

// inForce says which faults there are, and ends them.
func inForce(faults []Fault) g.Node {
	if len(faults) == 0 {
		return html.P(html.ID("in-force"), g.Text("Nothing goes wrong at present. Press a button below, then use the app."))
	}
	var names []string
	for _, f := range faults {
		names = append(names, f.Name)
	}
	return html.Form(html.ID("in-force"), html.Class("in-force"), html.Method("post"), html.Action("/_simulator/end-faults"),
		html.P(g.Text("In force: "), literal(strings.Join(names, ", "))),
		html.Button(html.Class("agree"), g.Text("End all")))
}

// presetButtons has a button with a sentence for each preset of a side.
func presetButtons(prefix string) g.Node {
	names := slices.DeleteFunc(PresetNames(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
	return html.Ul(html.Class("presets"), g.Map(names, func(name string) g.Node {
		f, err := Preset(name)
		if err != nil { // it was listed
			panic(err)
		}
		return html.Li(html.Form(html.Method("post"), html.Action(presetsPath+url.PathEscape(name)),
			html.Button(html.Strong(g.Text(name)), html.Span(g.Text(f.sentence())))))
	}))
}

// sentence says what a fault does to a call.
func (f Fault) sentence() string {
	carriedOut := ""
	if f.Execute {
		carriedOut = "Carried out, and then: "
	}
	switch {
	case f.Action == ActionHang:
		return "No answer, ever."
	case f.Action == ActionReset && f.Execute:
		return "Carried out, and the connection is reset."
	case f.Action == ActionReset:
		return "The connection is reset."
	case f.Action == ActionTruncate:
		return "Carried out, and the answer is cut in the middle."
	case f.Delay > 0:
		return fmt.Sprintf("Carried out %v late.", f.Delay)
	case f.Linger > 0:
		return fmt.Sprintf("Carried out at once, and answered %v late.", f.Linger)
	case f.Size > 0:
		return fmt.Sprintf("An answer of %d MiB.", f.Size>>20)
	case len(f.Merge) > 0:
		for field, value := range f.Merge {
			if value == nil {
				return "A true answer without " + field + "."
			}
			return fmt.Sprintf("A true answer with %s %q.", field, fmt.Sprint(value))
		}
	case f.Status == 0:
		return "A true answer with headers that mean harm."
	}
	return carriedOut + f.answerSentence()
}

// maxShownBody bounds how much of an answer a sentence shows, in bytes.
const maxShownBody = 90

// answerSentence is sentence for an answer of the fault's own.
func (f Fault) answerSentence() string {
	text := strconv.Itoa(f.Status) + " " + http.StatusText(f.Status)
	if wait := f.Header.Get("Retry-After"); wait != "" {
		text += ", Retry-After " + wait
	}
	if to := f.Header.Get("Location"); to != "" {
		text += " to where nothing listens"
	}
	body := f.Body
	for _, member := range []string{`"error_description":"`, `"message":"`, `"error":"`} {
		if _, rest, found := strings.Cut(f.Body, member); found {
			body, _, _ = strings.Cut(rest, `"`)
			break
		}
	}
	switch {
	case strings.HasPrefix(f.Header.Get("Content-Type"), "text/html"):
		return text + ", with a page."
	case body == "" && f.Status >= 300:
		return text + "."
	case body == "":
		return text + ", without a body."
	case len(body) > maxShownBody:
		return text + ", with a text."
	}
	return text + ": " + strings.TrimSuffix(body, ".") + "."
}
