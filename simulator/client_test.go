package simulator_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/zmb3/spotify/v2"
	"golang.org/x/oauth2"

	"stagedoor/simulator"
)

// TestRealClientsUnderstandIt drives the simulator with libraries that were written for Spotify.
func TestRealClientsUnderstandIt(t *testing.T) {
	s := newStage(t, func(o *simulator.Options) { o.Now = nil })
	config := &oauth2.Config{
		ClientID: "gateway", ClientSecret: "s3cret", RedirectURL: callback, Scopes: allScopes,
		Endpoint: oauth2.Endpoint{
			AuthURL: s.url + "/authorize", TokenURL: s.url + "/api/token", AuthStyle: oauth2.AuthStyleInHeader,
		},
	}
	if err := s.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	login := config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier))
	r, err := http.NewRequestWithContext(t.Context(), "GET", login, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.http)
	token, err := config.Exchange(ctx, location(t, s.do(r)).Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	client := spotify.New(config.Client(ctx, token), spotify.WithBaseURL(s.url+"/v1/"))

	me, err := client.CurrentUser(ctx)
	if err != nil || me.ID != "ada" || me.Email != "ada@example.com" || len(me.Images) != 1 {
		t.Errorf("%v %+v", err, me)
	}
	lists, err := client.CurrentUsersPlaylists(ctx)
	if err != nil || int(lists.Total) != 55 {
		t.Fatalf("%v %+v", err, lists)
	}
	if err := client.NextPage(ctx, lists); err != nil || int(lists.Offset) != 20 {
		t.Errorf("the next page: %v %+v", err, lists)
	}
	state, err := client.PlayerState(ctx)
	if err != nil || !state.Playing || state.Item.Name == "" {
		t.Fatalf("%v %+v", err, state)
	}
	if err := client.Next(ctx); err != nil {
		t.Errorf("next: %v", err)
	}
	if err := client.Volume(ctx, 30); err != nil {
		t.Errorf("volume: %v", err)
	}
	items, err := client.GetPlaylistItems(ctx, lists.Playlists[0].ID)
	if err == nil && (len(items.Items) == 0 || items.Items[0].Track.Track.Name == "") {
		t.Errorf("the items are %+v", items)
	} else if err != nil {
		t.Errorf("items: %v", err)
	}
	found, err := client.Search(ctx, "ferries", spotify.SearchTypeArtist)
	if err != nil || len(found.Artists.Artists) != 1 {
		t.Errorf("%v %+v", err, found)
	}
	albums, err := client.GetArtistAlbums(ctx, found.Artists.Artists[0].ID, nil)
	if err != nil || len(albums.Albums) != 2 {
		t.Errorf("%v %+v", err, albums)
	}
}
