package command

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progressEvery is how long a person waits for the next line.
const progressEvery = 2 * time.Second

// progress tells a person at a terminal how far a long command is. Anything else that reads standard error gets nothing of it.
type progress struct {
	out   io.Writer // nil for nobody
	count int
	told  time.Time
}

func newProgress(stderr io.Writer) *progress {
	p := &progress{told: time.Now()}
	if file, ok := stderr.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.out = stderr
		}
	}
	return p
}

// add counts sessions, and says how many there are every progressEvery.
func (p *progress) add(sessions int) {
	p.count += sessions
	if p.out == nil || time.Since(p.told) < progressEvery {
		return
	}
	p.told = time.Now()
	_, _ = fmt.Fprintf(p.out, "%d sessions so far\n", p.count)
}
