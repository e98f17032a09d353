package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"time"
)

// healthTimeout is less than the usual interval of health checks.
const healthTimeout = 3 * time.Second

// healthcheck is the command that asks the gateway on this machine whether it is ready, for images without a shell.
func healthcheck(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("healthcheck", flag.ContinueOnError)
	file := flags.String("config", "", "the configuration `FILE`; without it $STAGEDOOR_CONFIG, ./config.yaml or /etc/stagedoor/config.yaml")
	if err := parse(flags, args); err != nil {
		return err
	}
	loaded, err := loadConfig(*file, e)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(loaded.Config.Admin.Listen)
	if err != nil {
		return &usageError{errors.New("admin.listen is empty, so there is no listener to ask; set it, such as 127.0.0.1:9090")}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	request.Host = "localhost"                         // which every admin listener answers to, whatever name it listens on
	near := &http.Client{Transport: &http.Transport{}} // whatever HTTP_PROXY says
	answer, err := near.Do(request)
	if err != nil {
		return fmt.Errorf("the gateway's admin listener does not answer: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // only its status counts
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway is not ready: its /readyz answers %d", answer.StatusCode)
	}
	return nil
}
