// Package proxytest reads the corpora in proxy/testdata, which the tests of the proxy and of its rules share.
package proxytest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"strings"
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
