package secret

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// hidden is what the tests below look for wherever something was printed.
const hidden = "correct-horse-battery"

// holders are all the ways in which a secret may sit inside a value that is printed.
func holders() map[string]any {
	secret := New(hidden)
	type exported struct{ Secret Text }
	type unexported struct{ secret Text }
	type nested struct {
		Inner   exported
		inner   unexported
		pointer *Text
		deep    *unexported
		List    []Text
		list    []Text
		Any     any
		any     any
		labels  map[string]Text
	}
	return map[string]any{
		"a secret":              secret,
		"a pointer":             &secret,
		"an exported field":     exported{secret},
		"an unexported field":   unexported{secret},
		"a pointer to a struct": &unexported{secret},
		"a slice":               []Text{secret, secret},
		"an array":              [1]Text{secret},
		"a map":                 map[string]Text{"key": secret},
		"a map's key":           map[Text]int{secret: 1},
		"a slice of any":        []any{secret, &secret, unexported{secret}},
		"an error":              fmt.Errorf("with %v, %+v, %#v and %q", secret, &secret, unexported{secret}, secret),
		"a nest": nested{
			exported{secret}, unexported{secret}, &secret, &unexported{secret}, []Text{secret}, []Text{secret},
			secret, unexported{secret}, map[string]Text{"key": secret},
		},
	}
}

func TestSecretIsNotFormatted(t *testing.T) {
	for name, value := range holders() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%p", "%T", "%t", "%g", "%!"} {
			wantHidden(t, name+" with "+verb, fmt.Sprintf(verb, value))
		}
		wantHidden(t, name+" with Print", fmt.Sprint(value)+fmt.Sprintln(value))
	}
}

func TestSecretIsNotEncoded(t *testing.T) {
	for name, value := range holders() {
		text, _ := json.Marshal(value) // some cannot be encoded, which is fine
		wantHidden(t, name+" in JSON", string(text))
		text, _ = yaml.Marshal(value)
		wantHidden(t, name+" in YAML", string(text))
		var b bytes.Buffer
		_ = gob.NewEncoder(&b).Encode(value)
		wantHidden(t, name+" in gob", b.String())
	}
}

func TestSecretIsNotLogged(t *testing.T) {
	encoders := map[string]func(zapcore.EncoderConfig) zapcore.Encoder{
		"json": zapcore.NewJSONEncoder, "console": zapcore.NewConsoleEncoder,
	}
	for kind, encoder := range encoders {
		var b bytes.Buffer
		core := zapcore.NewCore(encoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(&b), zapcore.DebugLevel)
		log := zap.New(core, zap.AddStacktrace(zap.DebugLevel))
		for name, value := range holders() {
			log.Debug("zap", zap.Any(name, value), zap.Reflect(name, value), zap.Error(fmt.Errorf("with %+v", value)))
			log.Sugar().Debugf("sugar %v %+v %#v", value, value, value)
			log.Sugar().Debugw("sugar", name, value)
			wantHidden(t, name+" in zap's "+kind, b.String())
		}
	}
	var b bytes.Buffer
	for name, value := range holders() {
		slog.New(slog.NewJSONHandler(&b, nil)).Error("slog", name, value)
		slog.New(slog.NewTextHandler(&b, nil)).Error("slog", name, value)
		wantHidden(t, name+" in slog", b.String())
	}
}

// wantHidden fails when the text gives the secret away, as it is or as numbers.
func wantHidden(t *testing.T, name, text string) {
	t.Helper()
	for _, form := range []string{
		hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden), fmt.Sprint([]byte(hidden)),
	} {
		if strings.Contains(text, form) {
			t.Errorf("%s gives the secret away: %s", name, text)
		}
	}
}

func TestSecretShowsWhetherItIsThere(t *testing.T) {
	for _, c := range []struct {
		name   string
		secret Text
		want   string
	}{
		{"empty", Text{}, ""},
		{"made of nothing", New(""), ""},
		{"set", New(hidden), "[redacted]"},
	} {
		marshalled, err := json.Marshal(c.secret)
		if got := fmt.Sprintf("%v|%#v|%s", c.secret, c.secret, marshalled); err != nil || got != c.want+"|"+c.want+`|"`+c.want+`"` {
			t.Errorf("%s: got %s, %v", c.name, got, err)
		}
		if c.secret.IsZero() != (c.want == "") {
			t.Errorf("%s: IsZero is %v", c.name, c.secret.IsZero())
		}
	}
}

func TestSecretIsReadFromText(t *testing.T) {
	var fromJSON, fromYAML struct {
		Password Text `json:"password" yaml:"password"`
	}
	if err := json.Unmarshal([]byte(`{"password":"`+hidden+`"}`), &fromJSON); err != nil || fromJSON.Password.Reveal() != hidden {
		t.Errorf("from JSON: %q, %v", fromJSON.Password.Reveal(), err)
	}
	if err := yaml.Unmarshal([]byte("password: "+hidden), &fromYAML); err != nil || fromYAML.Password.Reveal() != hidden {
		t.Errorf("from YAML: %q, %v", fromYAML.Password.Reveal(), err)
	}
}

func TestSecretEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"a", "a", true}, {"a", "b", false}, {"a", "ab", false}, {"", "a", false}, {"", "", true}} {
		if got := New(c.a).Equal(New(c.b)); got != c.want {
			t.Errorf("%q equals %q: got %v", c.a, c.b, got)
		}
	}
}
