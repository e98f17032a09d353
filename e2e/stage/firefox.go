package stage

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// firefoxStart bounds how long Firefox may take until it can be driven, with an empty profile on a busy machine.
const firefoxStart = 90 * time.Second

// FirefoxTab is a tab of a Firefox without a window, which is driven over Marionette: messages of JSON, each after its length in
// bytes and a colon. It is for one goroutine.
type FirefoxTab struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Reader
	calls int
}

// Firefox starts Firefox with an empty profile until the test ends. A machine without it skips the test, in CI as well.
func Firefox(t *testing.T) *FirefoxTab {
	t.Helper()
	program, err := exec.LookPath("firefox-esr")
	if err != nil {
		program, err = exec.LookPath("firefox")
	}
	if err != nil {
		t.Skip("This test needs Firefox. Install it, such as Debian's package firefox-esr.")
	}
	profile := t.TempDir()
	WriteFile(t, filepath.Join(profile, "user.js"), `user_pref("marionette.port", 0);
user_pref("app.normandy.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
`)
	command := exec.Command(program, "--headless", "--no-remote", "--marionette", "--profile", profile)
	command.Env = append(os.Environ(), "HOME="+profile)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	f := &FirefoxTab{t: t}
	t.Cleanup(f.quit(command))
	f.connect(filepath.Join(profile, "MarionetteActivePort"))
	f.call("WebDriver:NewSession", map[string]any{}, nil)
	return f
}

// quit returns what ends Firefox and waits until it has left its profile.
func (f *FirefoxTab) quit(command *exec.Cmd) func() {
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // it may be killed
		close(ended)
	}()
	return func() {
		if f.conn != nil {
			_ = f.send("Marionette:Quit", map[string]any{}) // or it is killed below
		}
		select {
		case <-ended:
		case <-time.After(StartTime):
			_ = command.Process.Kill() // it may have ended
			<-ended
		}
		if f.conn != nil {
			_ = f.conn.Close() // nothing is read any more
		}
	}
}

// connect waits for the file with the port, and for the greeting.
func (f *FirefoxTab) connect(file string) {
	f.t.Helper()
	sessiontest.Eventually(f.t, firefoxStart, "Firefox can be driven", func() bool {
		port, err := os.ReadFile(file)
		if err == nil {
			f.conn, err = net.Dial("tcp", "127.0.0.1:"+strings.TrimSpace(string(port)))
		}
		return err == nil
	})
	f.lines = bufio.NewReader(f.conn)
	if _, err := f.receive(); err != nil {
		f.t.Fatalf("Firefox does not greet: %v", err)
	}
}

func (f *FirefoxTab) send(name string, parameters any) error {
	f.calls++
	message, err := json.Marshal([]any{0, f.calls, name, parameters})
	if err != nil {
		return err
	}
	if err := f.conn.SetDeadline(time.Now().Add(PageTime)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(f.conn, "%d:%s", len(message), message)
	return err
}

func (f *FirefoxTab) receive() ([]byte, error) {
	length, err := f.lines.ReadString(':')
	if err != nil {
		return nil, err
	}
	size, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return nil, err
	}
	message := make([]byte, size)
	_, err = io.ReadFull(f.lines, message)
	return message, err
}

// call sends a command, and decodes its result unless into is nil.
func (f *FirefoxTab) call(name string, parameters, into any) {
	f.t.Helper()
	err := f.send(name, parameters)
	var message []byte
	if err == nil {
		message, err = f.receive()
	}
	var answer [4]json.RawMessage // its kind, the number of the call, an error or null, and the result
	if err == nil {
		err = json.Unmarshal(message, &answer)
	}
	if err == nil && string(answer[2]) != "null" {
		err = errors.New(string(answer[2]))
	}
	if err == nil && into != nil {
		err = json.Unmarshal(answer[3], into)
	}
	if err != nil {
		f.t.Fatalf("Firefox, %s %v: %v", name, parameters, err)
	}
}

// Open goes to an address and waits until the page is there.
func (f *FirefoxTab) Open(url string) {
	f.t.Helper()
	f.call("WebDriver:Navigate", map[string]any{"url": url}, nil)
}

// Evaluate returns the value of a JavaScript expression on the page as JSON.
func (f *FirefoxTab) Evaluate(expression string) string {
	f.t.Helper()
	var result struct{ Value json.RawMessage }
	f.call("WebDriver:ExecuteScript", map[string]any{"script": "return (" + expression + ")", "args": []any{}}, &result)
	return string(result.Value)
}

// Await waits until a JavaScript condition is true, on whatever page there is by then.
func (f *FirefoxTab) Await(what, condition string) {
	f.t.Helper()
	sessiontest.Eventually(f.t, PageTime, what+" ("+condition+")", func() bool { return f.Evaluate(condition) == "true" })
}

// Click clicks the element of a selector as soon as it is there.
func (f *FirefoxTab) Click(selector string) {
	f.t.Helper()
	f.Await(selector, fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
	f.Evaluate(fmt.Sprintf(`document.querySelector(%q).click() ?? null`, selector))
}
