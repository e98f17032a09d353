package tracing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"stagedoor/internal/dial"
)

const (
	// connectTimeout and sendTimeout bound one delivery; spans that come meanwhile wait in a queue of bounded length.
	connectTimeout = 3 * time.Second
	sendTimeout    = 10 * time.Second
	// maxAnswer is how much of a collector's answer is read, so that its connection can be used again.
	maxAnswer = 64 << 10
)

// collector delivers spans by OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp). It implements
// otlptrace.Client: the library's own client links gRPC, which makes the program 11 MB larger. What cannot be delivered is lost,
// and the log says when that begins and when it ends.
type collector struct {
	to     target
	client *http.Client
	log    *zap.Logger

	mu   sync.Mutex // guards lost
	lost bool       // the last delivery failed
}

func newCollector(to target, log *zap.Logger) *collector {
	return &collector{to: to, log: log, client: &http.Client{
		Timeout: sendTimeout,
		Transport: &http.Transport{ // no Proxy: a collector is near
			DialContext: dial.New(connectTimeout).DialContext, TLSHandshakeTimeout: connectTimeout,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Start implements otlptrace.Client.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *collector) Stop(context.Context) error {
	c.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	err := c.send(ctx, spans)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && !c.lost:
		c.log.Warn("the collector does not take traces; they are lost until it does", zap.String("endpoint", c.to.url), zap.Error(err))
	case err == nil && c.lost:
		c.log.Info("the collector takes traces again", zap.String("endpoint", c.to.url))
	}
	c.lost = err != nil
	return err
}

// send posts spans. TracesData has the encoding of an ExportTraceServiceRequest, whose own package needs gRPC.
func (c *collector) send(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.to.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, values := range c.to.header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // only read from
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %d", answer.StatusCode)
	}
	return nil
}
