package stage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Block is a fenced block of a page of documentation.
type Block struct {
	Heading  string // the nearest one above, without its #; empty above the first
	Language string // as behind the fence, such as sh
	Text     string // its lines, each with a line break
}

// Page returns the text of a file, by its path from the top of the repository. Tests that ask are two folders below it at most.
func Page(t testing.TB, path string) string {
	t.Helper()
	for _, top := range []string{"..", filepath.Join("..", "..")} {
		if _, err := os.Stat(filepath.Join(top, "go.mod")); err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	t.Fatal("The repository is not above this folder.")
	return ""
}

// Blocks returns the fenced blocks of a page that have a language, in its order.
func Blocks(t testing.TB, path string) []Block {
	t.Helper()
	var blocks []Block
	heading, fenced := "", false
	for line := range strings.Lines(Page(t, path)) {
		language, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && fenced:
			fenced = false
		case fence:
			fenced = true
			blocks = append(blocks, Block{Heading: heading, Language: language})
		case fenced:
			blocks[len(blocks)-1].Text += line
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return blocks
}
