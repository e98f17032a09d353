package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"stagedoor/secret"
)

// hidden is what the tests look for wherever something was printed.
const hidden = "correct-horse-battery"

// TestNothingPrintsItsSecrets checks each type of the package that has a secret; package secret checks the secret itself.
func TestNothingPrintsItsSecrets(t *testing.T) {
	text := secret.New(hidden)
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for name, value := range map[string]any{
		"a token":           Token{Access: text},
		"a grant":           Grant{Token: Token{Access: text}, Refresh: text},
		"a login":           Login{Grant: Grant{Token: Token{Access: text}, Refresh: text}},
		"a configuration":   Config{Keys: []secret.Text{text}},
		"a session":         Session{recordKey: recordKey{secret: text}, record: record{grant: Grant{Refresh: text}}},
		"a session pointer": &Session{recordKey: recordKey{secret: text}, record: record{grant: Grant{Token: Token{Access: text}}}},
	} {
		marshalled, _ := json.Marshal(value) // some cannot be encoded, which is fine
		line, err := encoder.EncodeEntry(zapcore.Entry{}, []zapcore.Field{zap.Any("any", value), zap.Reflect("reflect", value)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		printed := string(marshalled) + line.String()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d"} {
			printed += fmt.Sprintf(verb, value)
		}
		for _, form := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden), fmt.Sprint([]byte(hidden))} {
			if strings.Contains(printed, form) {
				t.Errorf("%s gives its secret away: %s", name, printed)
			}
		}
	}
}
