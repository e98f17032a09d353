package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
)

// Sizes of the answers, in bytes.
const (
	smallSize  = 2 << 10
	streamSize = 1 << 20
)

// fewItems and manyItems are the items of a page of 3 KB and of one of 33 KB.
const (
	fewItems  = 4
	manyItems = 50
)

// jsonPage returns a page of Spotify's shape and of exactly that size: each item has a link into the API, as have href and
// next, which begin with api.
func jsonPage(api string, size int) []byte {
	const item = `{"album_type":"album","external_urls":{"spotify":"https://open.spotify.com/album/%022d"},` +
		`"href":"%s/albums/%022d","id":"%022d","name":"The %dth Album","total_tracks":12,"type":"album",` +
		`"uri":"spotify:album:%022d"}`
	var page strings.Builder
	fmt.Fprintf(&page, `{"href":"%s/search?offset=0&limit=50","next":"%s/search?offset=50&limit=50","items":[`, api, api)
	for n := 0; ; n++ {
		text := fmt.Sprintf(item, n, api, n, n, n, n)
		if n > 0 {
			text = "," + text
		}
		if page.Len()+len(text)+len(`],"note":""}`) > size {
			break
		}
		page.WriteString(text)
	}
	page.WriteString(`],"note":"`)
	page.WriteString(strings.Repeat(".", size-page.Len()-len(`"}`)))
	page.WriteString(`"}`)
	return []byte(page.String())
}

// compress encodes with gzip as most servers do.
func compress(plain []byte) []byte {
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, _ = writer.Write(plain) // a buffer takes everything
	_ = writer.Close()
	return compressed.Bytes()
}
