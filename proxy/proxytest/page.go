package proxytest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// playlistItem is an item of GET /me/playlists as Spotify writes it. Its ids are random, as real ones are, so a page of them
// is compressed no better than a real one.
const playlistItem = `{"collaborative":false,"description":"","external_urls":{"spotify":"https://open.spotify.com/playlist/%[2]s"},` +
	`"href":"%[3]s/playlists/%[2]s","id":"%[2]s","images":[],"name":"%[4]s","owner":{"display_name":"%[1]s","href":"%[3]s/users/%[5]s",` +
	`"id":"%[5]s","type":"user","uri":"spotify:user:%[5]s"},"public":true,"snapshot_id":"%[6]s",` +
	`"tracks":{"href":"%[3]s/playlists/%[2]s/tracks","total":%[7]d},"type":"playlist","uri":"spotify:playlist:%[2]s"}`

// PlaylistPage returns a page of playlists whose links begin with api. It is the same whenever the program runs.
func PlaylistPage(api string, items int) []byte {
	random := rand.New(rand.NewPCG(1, uint64(items))) //nolint:gosec // G404: no secret, and the same page each time
	id := func(length int) string {
		const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		text := make([]byte, length)
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		return string(text)
	}
	words := strings.Fields("summer night drive love songs the best of deep focus morning coffee workout rock classics indie chill evening " +
		"rain party road trip acoustic piano sleep happy sad mix jazz soul garden fire ocean blue")
	title := func() string {
		some := make([]string, 1+random.IntN(4))
		for i := range some {
			some[i] = words[random.IntN(len(words))]
		}
		return strings.Join(some, " ")
	}
	var page strings.Builder
	fmt.Fprintf(&page, `{"href":"%[1]s/me/playlists?offset=0&limit=%[2]d","limit":%[2]d,"next":"%[1]s/me/playlists?offset=%[2]d&limit=%[2]d",`+
		`"offset":0,"previous":null,"total":187,"items":[`, api, items)
	for i := range items {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, playlistItem, words[random.IntN(len(words))], id(22), api, title(), id(25), id(32), random.IntN(500))
	}
	page.WriteString("]}")
	return []byte(page.String())
}
