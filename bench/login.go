package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"

	"stagedoor/simulator"
)

// loginsAtOnce is how many logins run side by side.
const loginsAtOnce = 8

// loginAll logs users in at a gateway, one after the other, and returns their cookies.
func loginAll(ctx context.Context, spotify *simulator.Server, origin string, users []string) (cookies []string, err error) {
	for _, user := range users {
		if err := spotify.SetConsent(simulator.Consent{User: user}); err != nil {
			return nil, err
		}
		cookie, err := login(ctx, plainClient, origin)
		if err != nil {
			return nil, err
		}
		cookies = append(cookies, cookie)
	}
	return cookies, nil
}

// logins makes sessions, each of another user, and returns their cookies as a Cookie header has them.
func (g *gateway) logins(ctx context.Context, n int) ([]string, error) {
	cookies := make([]string, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loginsAtOnce)
	for i := range cookies {
		group.Go(func() (err error) {
			if ctx.Err() == nil {
				cookies[i], err = login(ctx, plainClient, g.origin)
			}
			return err
		})
	}
	return cookies, group.Wait()
}

// login walks through a login as a browser does: to the gateway, to Spotify's consent, back with the code.
func login(ctx context.Context, client *http.Client, origin string) (string, error) {
	consent, attempt, err := follow(ctx, client, origin+"/auth/login", "")
	if err != nil {
		return "", err
	}
	callback, _, err := follow(ctx, client, consent, "")
	if err != nil {
		return "", err
	}
	_, session, err := follow(ctx, client, callback, attempt)
	if err != nil {
		return "", err
	}
	return session, nil
}

// follow asks for a page that redirects, and returns where to and the cookies that it sets.
func follow(ctx context.Context, client *http.Client, address, cookies string) (location, set string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", "", err
	}
	request.Header.Set("User-Agent", browserName) // which sessions keep
	if cookies != "" {
		request.Header.Set("Cookie", cookies)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", "", err
	}
	to, err := response.Location()
	if err != nil {
		return "", "", fmt.Errorf("a login does not go on: %s answered %s %.300s", address, response.Status, body)
	}
	var pairs []string
	for _, cookie := range response.Cookies() {
		if cookie.MaxAge >= 0 && cookie.Value != "" {
			pairs = append(pairs, cookie.Name+"="+cookie.Value)
		}
	}
	return to.String(), strings.Join(pairs, "; "), nil
}
