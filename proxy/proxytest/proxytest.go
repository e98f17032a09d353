// Package proxytest has what the tests of the proxy and of its packages share: the corpora in proxy/testdata, and helpers.
package proxytest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

// Lines returns the lines of a file, without empty ones and those that begin with a #. It panics when the file cannot be read.
func Lines(path string) []string {
	var lines []string
	for line := range strings.SplitSeq(read(path), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Map returns a JSON object of strings: what is sent, and what becomes of it. It panics when the file holds anything else.
func Map(path string) map[string]string {
	var pairs map[string]string
	if err := json.Unmarshal([]byte(read(path)), &pairs); err != nil {
		panic(path + ": " + err.Error())
	}
	return pairs
}

func read(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return string(content)
}

// Gzip compresses a text.
func Gzip(text string) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	_, _ = io.WriteString(zip, text) // a buffer takes every write
	_ = zip.Close()
	return out.Bytes()
}

// Gunzip undoes Gzip. It panics when the text is not compressed, or not to its end.
func Gunzip(zipped string) string {
	unzip, err := gzip.NewReader(strings.NewReader(zipped))
	if err != nil {
		panic(err)
	}
	text, err := io.ReadAll(unzip)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// OldFile writes a file with a modification time of long ago, as reproducible builds and rollbacks leave it. It panics when the
// file cannot be written.
func OldFile(path, text string) {
	old := time.Date(1985, 10, 26, 8, 15, 0, 0, time.UTC)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, old, old)); err != nil { //nolint:gosec // G306: a site is public
		panic(err)
	}
}
