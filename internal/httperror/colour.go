package httperror

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// colour is an opaque colour of sRGB: red, green and blue from 0 to 255.
type colour [3]float64

var (
	hexColour = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

	black = colour{}
	white = colour{255, 255, 255}
	// lightSurface and darkSurface are what page.css writes links on.
	lightSurface = white
	darkSurface  = colour{0x1a, 0x16, 0x30}
)

// readable is the least contrast of text (WCAG 2.2, success criterion 1.4.3).
const readable = 4.5

// parseColour reads #rgb or #rrggbb.
func parseColour(text string) (colour, error) {
	if !hexColour.MatchString(text) {
		return colour{}, errors.New("is not a colour; write # and six hex digits, such as #1db954")
	}
	digits := text[1:]
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		return colour{}, err
	}
	return colour{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}, nil
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

// towards mixes a share of another colour in.
func (c colour) towards(other colour, share float64) colour {
	for i := range c {
		c[i] = math.Round(c[i] + (other[i]-c[i])*share)
	}
	return c
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	light, dark := a.luminance(), b.luminance()
	return (max(light, dark) + 0.05) / (min(light, dark) + 0.05)
}

// readableOn is the colour itself where it is readable on a surface, or else as near to it as is.
func (c colour) readableOn(surface colour) colour {
	end := inkOn(surface)
	for share := 0.0; share < 1; share += 0.02 {
		if mixed := c.towards(end, share); contrast(mixed, surface) >= readable {
			return mixed
		}
	}
	return end
}

// inkOn is black or white, whichever is easier to read on a surface: at least 4.58 is the contrast of one of them.
func inkOn(surface colour) colour {
	if contrast(black, surface) >= contrast(white, surface) {
		return black
	}
	return white
}

// accentCSS puts an accent in the place of page.css's own. Text on it is black or white, and as a link it is made darker or
// lighter until it is readable.
func accentCSS(accent colour) string {
	ink := inkOn(accent)
	hover := accent.towards(inkOn(ink), 0.12) // away from the ink
	return fmt.Sprintf("\n:root { --accent: %s; --lamp: %s; --lamp-strong: %s; --lamp-ink: %s; }\n"+
		"@media (prefers-color-scheme: dark) { :root { --accent: %s; } }\n",
		accent.readableOn(lightSurface), accent, hover, ink, accent.readableOn(darkSurface))
}
