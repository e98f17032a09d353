// Nowplaying prints what a shared account of a Stagedoor gateway plays. It has an API key of the gateway's, and neither a
// token of Spotify's nor the app's secret.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/zmb3/spotify/v2"
)

func main() {
	text, err := nowPlaying(context.Background(), os.Getenv("STAGEDOOR_URL"), os.Getenv("STAGEDOOR_API_KEY"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "nowplaying:", err)
		os.Exit(1)
	}
	fmt.Println(text)
}

// nowPlaying asks the gateway's route at an address such as https://music.example/radio/.
func nowPlaying(ctx context.Context, route, key string) (string, error) {
	if route == "" || key == "" {
		return "", errors.New("set STAGEDOOR_URL to the gateway's route, such as https://music.example/radio/, and STAGEDOOR_API_KEY")
	}
	client := spotify.New(&http.Client{Transport: withKey(key)}, spotify.WithBaseURL(route))
	playing, err := client.PlayerCurrentlyPlaying(ctx)
	if err != nil {
		return "", err // the gateway's errors have Spotify's shape, so this is a spotify.Error
	}
	if playing.Item == nil {
		return "Silence.", nil
	}
	return fmt.Sprintf("%s by %s", playing.Item.Name, playing.Item.Artists[0].Name), nil
}

// withKey is an http.RoundTripper that shows an API key of the gateway's.
type withKey string

func (k withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(k))
	return http.DefaultTransport.RoundTrip(r)
}
