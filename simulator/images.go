package simulator

import (
	"fmt"
	"hash/fnv"
	"html"
	"net/http"
	"strings"
)

// imageSize is the side of a drawn picture in pixels.
const imageSize = 320

// image draws the picture of anything: two colours and a shape that come of its id. A playlist's own picture is served
// as it was uploaded.
func (s *Server) image(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutSuffix(r.PathValue("file"), ".svg")
	if r.PathValue("kind") == "cover" {
		s.mu.Lock()
		p := s.world.playlists[strings.TrimSuffix(id, ".jpg")]
		var jpeg []byte
		if p != nil {
			jpeg = p.jpeg
		}
		s.mu.Unlock()
		if jpeg != nil {
			serveImage(w, "image/jpeg", jpeg)
			return
		}
		ok = false
	}
	if !ok {
		s.writePage(w, http.StatusNotFound, messagePage{Title: "No such picture", Text: "Pictures are named by the API’s answers."})
		return
	}
	serveImage(w, "image/svg+xml", []byte(s.draw(r.PathValue("kind"), id)))
}

func serveImage(w http.ResponseWriter, kind string, data []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pictures are for the frontend's pages
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(data) // a client that left needs no answer
}

// draw makes an SVG. Users show their initial.
func (s *Server) draw(kind, id string) string {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(kind + id)) // never fails
	n := sum.Sum32()
	hue, turn, size := n%360, n/360%180, 60+n/64800%80
	shape := fmt.Sprintf(`<circle cx="160" cy="160" r="%d"/>`+
		`<rect x="150" y="-80" width="20" height="480" transform="rotate(%d 160 160)"/>`, size, turn)
	if u := s.users[id]; kind == "user" && u != nil {
		initial := string([]rune(u.Name + "?")[:1])
		shape = `<text x="160" y="215" text-anchor="middle" font-family="sans-serif" font-size="160">` +
			html.EscapeString(initial) + `</text>`
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 320" width="320" height="320">`+
		`<rect width="320" height="320" fill="hsl(%d 45%% 32%%)"/>`+
		`<g fill="hsl(%d 80%% 86%%)">%s</g></svg>`,
		hue, (hue+60)%360, shape)
}
