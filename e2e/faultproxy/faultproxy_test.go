package faultproxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo starts a server that sends every line back, and a proxy before it.
func echo(t *testing.T) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	p, err := Listen(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		_ = listener.Close() // after its last client
	})
	return p
}

// client is a connection through the proxy.
type client struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, p *Proxy) client {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return client{t: t, Conn: c, lines: bufio.NewReader(c)}
}

// ask sends a line and returns what comes back within a time.
func (c client) ask(line string, within time.Duration) (string, error) {
	_, _ = io.WriteString(c, line) // a broken connection shows when it is read
	return c.read(within)
}

func (c client) read(within time.Duration) (string, error) {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		c.t.Fatal(err)
	}
	return c.lines.ReadString('\n')
}

const soon, never = 5 * time.Second, 50 * time.Millisecond

func TestPassesOn(t *testing.T) {
	if got, err := dial(t, echo(t)).ask("hello\n", soon); got != "hello\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestHolds(t *testing.T) {
	for name, fault := range map[string]Fault{"requests": {HoldRequests: true}, "answers": {HoldAnswers: true}} {
		t.Run(name, func(t *testing.T) {
			p := echo(t)
			c := dial(t, p)
			p.Set(fault)
			if got, err := c.ask("hello\n", never); err == nil {
				t.Errorf("%q came through", got)
			}
			p.Set(Fault{})
			if got, err := c.read(soon); got != "hello\n" || err != nil {
				t.Errorf("afterwards: %q, %v", got, err)
			}
		})
	}
}

func TestCutLosesWhatIsHeld(t *testing.T) {
	p := echo(t)
	c := dial(t, p)
	p.Set(Fault{HoldRequests: true})
	_, _ = c.ask("hello\n", never)
	p.Cut()
	p.Set(Fault{})
	if got, err := c.read(soon); err == nil || got != "" {
		t.Errorf("got %q, %v", got, err)
	}
	if p.Open() != 0 {
		t.Errorf("%d connections are open", p.Open())
	}
}

func TestRefuses(t *testing.T) {
	p := echo(t)
	open := dial(t, p)
	p.Set(Fault{Refuse: true})
	if got, err := open.ask("hello\n", soon); err == nil {
		t.Errorf("an open connection says %q", got)
	}
	connection, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return // the reset came even sooner
	}
	defer func() { _ = connection.Close() }()
	if got, err := (client{t: t, Conn: connection, lines: bufio.NewReader(connection)}).ask("hello\n", soon); err == nil {
		t.Errorf("a new connection says %q", got)
	}
}

func TestSlows(t *testing.T) {
	for name, fault := range map[string]Fault{
		"latency": {Latency: 60 * time.Millisecond}, "drip": {Drip: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			p := echo(t)
			p.Set(fault)
			begin := time.Now()
			got, err := dial(t, p).ask("hello\n", soon)
			if took := time.Since(begin); got != "hello\n" || err != nil || took < 50*time.Millisecond {
				t.Errorf("got %q, %v after %v", got, err, took)
			}
		})
	}
}

func TestCutsInMidReply(t *testing.T) {
	p := echo(t)
	p.Set(Fault{CutAfter: 3})
	if got, err := dial(t, p).ask("hello\n", soon); err == nil || len(got) > 3 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRepliesInTheServersPlace(t *testing.T) {
	p := echo(t)
	p.Set(Fault{Reply: "-LOADING\n"})
	if got, err := dial(t, p).ask("hello\n", soon); got != "-LOADING\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A silent connection answers nothing and does not end, while new ones work.
func TestSilence(t *testing.T) {
	p := echo(t)
	old := dial(t, p)
	if _, err := old.ask("hello\n", soon); err != nil {
		t.Fatal(err)
	}
	p.Silence()
	if _, err := old.ask("hello\n", never); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the old connection says %v", err)
	}
	if got, err := dial(t, p).ask("hello\n", soon); got != "hello\n" || err != nil {
		t.Errorf("a new connection got %q, %v", got, err)
	}
}
