package command

import (
	"log"
	"strings"

	"go.uber.org/zap"

	"stagedoor/session"
)

// remarks writes what the standard library has to say as lines of ours, without what it quotes: net/http repeats what an
// upstream sends when nobody has asked, which may be a second copy of an answer with a token.
type remarks struct{ log *zap.Logger }

// Write implements io.Writer; package log calls it once for each remark.
func (r remarks) Write(text []byte) (int, error) {
	said := session.WithoutQuotations(strings.TrimSpace(string(text)))
	r.log.Log(remarkLevel(said), said)
	return len(text), nil
}

// newRemarks returns the logger that an http.Server wants.
func newRemarks(to *zap.Logger) *log.Logger { return log.New(remarks{to.Named("http")}, "", 0) }

// takeRemarks gets those of the whole process: an http.Transport has no logger of its own.
func takeRemarks(to *zap.Logger) {
	log.SetFlags(0)
	log.SetOutput(remarks{to.Named("http")})
}
