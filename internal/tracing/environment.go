package tracing

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Lookup is os.LookupEnv, or stands in for it.
type Lookup func(name string) (value string, set bool)

// target is where spans are sent, and what goes along.
type target struct {
	url    string // empty: nowhere
	header http.Header
}

// targetOf finds the collector: the configuration's, or that of the standard variables
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). An error says why the environment's cannot be used.
func targetOf(c Config, lookup Lookup) (target, error) {
	get := func(names ...string) string {
		for _, name := range names {
			if value, _ := lookup(name); strings.TrimSpace(value) != "" {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return target{}, nil
	}
	var (
		t   target
		err error
	)
	switch exact, base := get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), get("OTEL_EXPORTER_OTLP_ENDPOINT"); {
	case c.Endpoint != "":
		t.url, err = tracesURL(c.Endpoint)
	case exact != "":
		if _, err = tracesURL(exact); err == nil {
			t.url = exact // as it is, by the specification
		}
	case base != "":
		if _, err = tracesURL(base); err == nil {
			t.url = strings.TrimRight(base, "/") + tracesPath
		}
	default:
		return target{}, nil
	}
	if err != nil {
		return target{}, err
	}
	if protocol := get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return target{}, fmt.Errorf("the environment asks for OTLP by %.40q; set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf and use the collector's port for HTTP, often 4318", protocol)
	}
	t.header, err = parseHeaders(get("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"))
	return t, err
}

// parseHeaders reads name=value pairs between commas, the values percent-encoded as in W3C baggage. Its errors quote nothing:
// a value may be a key of the collector.
func parseHeaders(text string) (http.Header, error) {
	h := http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		name = strings.TrimSpace(name)
		if !found || err != nil || name == "" || strings.ContainsAny(name, " :\r\n\t") || strings.ContainsAny(value, "\r\n\x00") {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS is not a list such as name=value,other=value")
		}
		h.Set(name, value)
	}
	return h, nil
}
