package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Prefixes of addresses that are no host:port.
const (
	// UnixPrefix begins the path of a Unix socket.
	UnixPrefix = "unix:"
	// SystemdPrefix begins the name of a socket that systemd has opened for the process (sd_listen_fds(3)): its FileDescriptorName.
	SystemdPrefix = "systemd:"
)

// socketMode lets the gateway's user and its group connect, such as a web server in the same group.
const socketMode = 0o660

// Open opens a listener: on a host:port, on a Unix socket, or one that systemd has opened. key is its key in config.yaml.
func Open(address, key string) (net.Listener, error) {
	if path, isUnix := strings.CutPrefix(address, UnixPrefix); isUnix {
		return openUnix(path, key)
	}
	if name, isSystemd := strings.CutPrefix(address, SystemdPrefix); isSystemd {
		return inherit(name, key, os.Getenv)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w; is another program there?", key, address, err)
	}
	return listener, nil
}

// openUnix opens a socket at a path. One that a process left there when it was killed is replaced. The socket goes with its listener.
func openUnix(path, key string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w", key, path, err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w; its folder must be there and may be written", key, path, err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: cannot set the mode of %s: %w", key, path, err), listener.Close())
	}
	return listener, nil
}

// removeStale removes a socket that nobody listens on. Anything else stays.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is something else than a socket; choose another path")
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", path)
	if err == nil {
		_ = conn.Close() // it was opened to see whether it can be
		return errors.New("another program listens there; end it, or choose another path")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("whether another program listens there cannot be told: %w", err)
	}
	return os.Remove(path)
}

// firstInherited is the first file that systemd hands over (SD_LISTEN_FDS_START).
const firstInherited = 3

// inherit returns the socket that systemd has opened under a name.
func inherit(name, key string, getenv func(string) string) (net.Listener, error) {
	count, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, fmt.Errorf("%s: systemd has opened no socket for this process; start it by its socket unit, or write host:port", key)
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	for i, known := range names[:min(count, len(names))] {
		if known != name {
			continue
		}
		file := os.NewFile(uintptr(firstInherited+i), name)
		listener, err := net.FileListener(file)
		_ = file.Close() // the listener has its own
		if err != nil {
			return nil, fmt.Errorf("%s: what systemd has opened as %q is not a listening socket: %w", key, name, err)
		}
		return listener, nil
	}
	return nil, fmt.Errorf("%s: systemd has opened no socket with FileDescriptorName=%s, only %q", key, name, names)
}
