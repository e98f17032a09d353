package tracing

import (
	"fmt"
	"math"
	"net/url"
	"strings"

	"stagedoor/secret"
)

// Config says where traces go. The zero value turns tracing off, unless the environment names a collector; see New.
type Config struct {
	// Endpoint is the base URL of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318. A URL without a path
	// gets /v1/traces. Empty means that of the environment.
	Endpoint string `yaml:"endpoint"`
	// Sample is the share of traces that are recorded, from 0 to 1, of requests whose caller has not decided it.
	Sample float64 `yaml:"sample"`
}

// DefaultConfig is what holds for keys that are left out.
func DefaultConfig() Config { return Config{Sample: 0.1} }

// Validate reports each problem with the name of its field.
func (c Config) Validate(report func(field, problem string)) {
	if c.Endpoint != "" {
		if _, err := tracesURL(c.Endpoint); err != nil {
			report("endpoint", err.Error())
		}
	}
	if math.IsNaN(c.Sample) || c.Sample < 0 || c.Sample > 1 {
		report("sample", "the share of recorded traces must be from 0 to 1, such as 0.1")
	}
}

// tracesPath is where a collector takes traces below its base
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp-request).
const tracesPath = "/v1/traces"

// tracesURL is the address for traces of a collector with this base.
func tracesURL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not the address of a collector; write one such as http://127.0.0.1:4318, without a user, a query and a fragment", secret.WithoutUserinfos(base))
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = tracesPath
	}
	return u.String(), nil
}
