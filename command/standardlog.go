package command

import (
	"log"
	"strings"

	"go.uber.org/zap"
)

// standardLog takes what libraries say to the standard logger into the gateway's own. net/http quotes there what an
// upstream has sent behind its answer, and that may be what it was shown, a token too: nothing from the first quotation
// mark on is kept.
type standardLog struct{ log *zap.Logger }

// redirectStandardLog is for the whole process.
func redirectStandardLog(to *zap.Logger) {
	log.SetFlags(0)
	log.SetOutput(standardLog{to.Named("library")})
}

// Write implements io.Writer. The standard logger calls it once a line.
func (s standardLog) Write(line []byte) (int, error) {
	said, _, _ := strings.Cut(string(line), `"`)
	s.log.Warn(strings.TrimSpace(said))
	return len(line), nil
}
