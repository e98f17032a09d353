package command

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// catchSignals keeps signals from ending the process on the spot, and must be called before anything else is done: a service
// manager may send SIGHUP as soon as it has started the process. The context ends with SIGINT or SIGTERM; a second one
// ends the process at once.
func catchSignals() (ctx context.Context, hangups <-chan os.Signal) {
	received := make(chan os.Signal, 1) // two while a configuration is read are one
	signal.Notify(received, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, received
}

// forServer is what a command that serves makes of its signals: it outlives the reader of its log. SIGHUP stays caught.
func forServer() { signal.Ignore(syscall.SIGPIPE) }

// untilHangup is what every other command makes of them: it ends when its terminal is closed.
func untilHangup(ctx context.Context, hangups <-chan os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-ctx.Done():
		case <-hangups:
			signal.Reset(syscall.SIGHUP)
			cancel()
		}
	}()
	return ctx, cancel
}
