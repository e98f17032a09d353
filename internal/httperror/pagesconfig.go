package httperror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PagesConfig is the part of config.yaml below "pages": how the gateway's own pages look, or where errors go instead. The zero
// value is the gateway's own look.
type PagesConfig struct {
	// Name is the app's name, in titles and on the way back; empty means none.
	Name string `yaml:"name"`
	// LogoFile is a picture in place of the gateway's: PNG, SVG, JPEG, WebP or GIF, up to 64 KiB; empty means the gateway's.
	LogoFile string `yaml:"logo_file"`
	// Accent is the colour of buttons and links, such as #1db954; empty means the gateway's.
	Accent string `yaml:"accent"`
	// CSSFile is a style sheet behind the gateway's own, up to 64 KiB; empty means none.
	CSSFile string `yaml:"css_file"`
	// SupportURL is an https address for people who need help; empty means none.
	SupportURL string `yaml:"support_url"`
	// ErrorURL is a page of the app that is shown instead of the gateway's for errors: a path, or an address of the public or
	// an allowed origin. It gets the parameters reason and request_id. Empty means the gateway's pages.
	ErrorURL string `yaml:"error_url"`
}

const (
	// maxName bounds the app's name, in characters.
	maxName = 60
	// maxPageFile bounds a logo or a style sheet, in bytes: every page brings it along.
	maxPageFile = 64 << 10
)

// Validate reports every problem: the field by its path below "pages", and a sentence that says what to do. The origins are
// those that an error page may be on, the public one first.
func (c PagesConfig) Validate(origins []string, report func(field, problem string)) {
	switch {
	case utf8.RuneCountInString(c.Name) > maxName:
		report("name", fmt.Sprintf("has more than %d characters, which no headline has room for; shorten it", maxName))
	case strings.ContainsFunc(c.Name, unicode.IsControl):
		report("name", "holds a line end or another control character; write it in one line")
	}
	if c.Accent != "" {
		if _, err := parseColour(c.Accent); err != nil {
			report("accent", err.Error())
		}
	}
	if c.LogoFile != "" {
		if _, _, err := readLogo(c.LogoFile); err != nil {
			report("logo_file", err.Error())
		}
	}
	if c.CSSFile != "" {
		if _, err := readCSS(c.CSSFile); err != nil {
			report("css_file", err.Error())
		}
	}
	if problem := supportProblem(c.SupportURL); problem != "" {
		report("support_url", problem)
	}
	if problem := errorURLProblem(c.ErrorURL, origins); problem != "" {
		report("error_url", problem)
	}
}

func supportProblem(address string) string {
	u, err := url.Parse(address)
	if address == "" || err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil {
		return ""
	}
	return "is not an https address; write one such as https://example.com/help"
}

// errorURLProblem rejects what is not the app's, and what only the gateway answers.
func errorURLProblem(address string, origins []string) string {
	if address == "" {
		return ""
	}
	const advice = "write a path such as /error, or an address of server.public_url or server.allowed_origins"
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Opaque != "" || strings.ContainsFunc(address, isStrange) {
		return "is not an address; " + advice
	}
	switch {
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(address, "//"):
	case u.Scheme != "" && slices.Contains(origins, u.Scheme+"://"+u.Host):
	default:
		return "leads to a place that is not the app's; " + advice
	}
	if clean := path.Clean("/" + u.Path); clean == "/auth" || strings.HasPrefix(clean, "/auth/") {
		return "leads to the gateway itself, to which everything below /auth belongs; " + advice
	}
	return ""
}

// isStrange finds what a browser may read otherwise than net/url.
func isStrange(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }

// logoKinds are the media types of pictures by the ends of files' names.
var logoKinds = map[string]string{
	".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif",
}

// readLogo returns a picture and its media type. The content must be what the name says. In an img element the scripts of an
// SVG do not run.
func readLogo(name string) (kind string, logo []byte, err error) {
	kind, known := logoKinds[strings.ToLower(filepath.Ext(name))]
	if !known {
		return "", nil, errors.New("is not a picture by its name; it must end with .png, .svg, .jpg, .webp or .gif")
	}
	logo, err = readPageFile(name)
	if err != nil {
		return "", nil, err
	}
	is := http.DetectContentType(logo)
	if kind == "image/svg+xml" && utf8.Valid(logo) && bytes.Contains(logo, []byte("<svg")) {
		is = kind
	}
	if is != kind {
		return "", nil, fmt.Errorf("does not hold what its name says, %s; name the picture as it is", kind)
	}
	return kind, logo, nil
}

// loads finds what a style sheet fetches; the first group is empty for what it holds itself.
var loads = regexp.MustCompile(`(?i)@import|url\(\s*["']?\s*([^"')\s]*)`)

// readCSS returns a style sheet that stays in its element: the end tag ends it, wherever it stands (HTML section 13.2.5.14).
func readCSS(name string) (string, error) {
	text, err := readPageFile(name)
	if err != nil {
		return "", err
	}
	css := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(bytes.TrimPrefix(text, []byte("\ufeff")))) // as a browser reads it
	switch {
	case !utf8.ValidString(css) || strings.Contains(css, "\x00"):
		return "", errors.New("is not a text in UTF-8; save it as UTF-8")
	case strings.Contains(strings.ToLower(css), "</style"):
		return "", errors.New("holds </style, which would end it in the middle of the page; take it out")
	}
	for _, found := range loads.FindAllStringSubmatch(css, -1) {
		if to := strings.ToLower(found[1]); !strings.HasPrefix(to, "data:") && !strings.HasPrefix(to, "#") {
			return "", fmt.Errorf("loads something by %.60s, and the pages load nothing from anywhere; write it into the file, or as a data: URL", found[0])
		}
	}
	return css, nil
}

func readPageFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, maxPageFile+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case len(content) > maxPageFile:
		return nil, fmt.Errorf("names a file of more than %d KiB, and every page brings it along; make it smaller", maxPageFile>>10)
	case len(content) == 0:
		return nil, errors.New("names an empty file; correct the path")
	}
	return content, nil
}

func unreadable(err error) error {
	var cause *os.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("names a file that cannot be read (%w); correct the path or its permissions", err)
}
