package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"stagedoor/config"
	"stagedoor/proxy/listen"
)

// healthTimeout is less than the usual interval of health checks.
const healthTimeout = 3 * time.Second

// healthcheck is the command that asks the gateway on this machine whether it is ready, for images without a shell. It reads nothing
// of the configuration but where to ask: a mistake in a file that the gateway has not read yet must not end a gateway that runs.
func healthcheck(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("healthcheck", flag.ContinueOnError)
	file := configFlag(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	path, _ := config.Find(*file, e.lookup) // without a file there are the environment and the default
	near, address, err := nearby(config.AdminListen(path, e.lookup))
	if err != nil {
		return &usageError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	request.Host = "localhost" // which every admin listener answers to, whatever name it listens on
	answer, err := (&http.Client{Transport: near}).Do(request)
	if err != nil {
		return fmt.Errorf("the gateway's admin listener does not answer: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // only its status counts
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway is not ready: its /readyz answers %d", answer.StatusCode)
	}
	return nil
}

// nearby returns how to reach a listener of this machine, whatever HTTP_PROXY says, and its address.
func nearby(configured string) (near *http.Transport, address string, err error) {
	if path, isUnix := strings.CutPrefix(configured, listen.UnixPrefix); isUnix {
		return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}, "localhost", nil
	}
	host, port, err := net.SplitHostPort(configured)
	switch {
	case configured == "":
		return nil, "", errors.New("admin.listen is empty, so there is no listener to ask; set it, such as 127.0.0.1:9090")
	case err != nil:
		return nil, "", fmt.Errorf("admin.listen is %q, which is no address to ask; write host:port or unix: and the path of a socket", configured)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return &http.Transport{}, net.JoinHostPort(host, port), nil
}
