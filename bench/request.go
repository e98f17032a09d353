package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// plainClient follows no redirect: one that leads to a login is not the answer that was wanted. It trusts every certificate,
// because all that it asks is on this machine.
var plainClient = &http.Client{
	Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: loginsAtOnce,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// request makes the request that wrk sends, with the first of the target's sessions.
func (t target) request(ctx context.Context, page string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base+page, nil)
	if err != nil {
		return nil, err
	}
	for _, header := range browserHeaders {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	cookies := otherCookies
	if len(t.cookies) > 0 {
		cookies += "; " + t.cookies[0]
	}
	request.Header.Set("Cookie", cookies)
	if t.process == nil { // nothing adds it on the way
		request.Header.Set("Authorization", "Bearer "+staticToken)
	}
	return request, nil
}

// get asks once and wants 200. It returns the size of the answer's body, in bytes, compressed as it came.
func (t target) get(ctx context.Context, page string) (size int, err error) {
	request, err := t.request(ctx, page)
	if err != nil {
		return 0, err
	}
	response, err := plainClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s %.300s", t.name, response.Status, body)
	}
	return len(body), err
}
