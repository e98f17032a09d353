package logging

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// stackKey is the one field with a value of several lines: where a panic happened.
const stackKey = "stack"

// consoleEncoder writes a line for a person at a terminal: a short time, the level in a column of its own, the message, and
// what belongs to it as key=value. What is empty is left out. The values are those of the JSON format, so that whatever
// redacts itself there does so here; what a terminal would take for a command is escaped.
type consoleEncoder struct {
	zapcore.Encoder // JSON, of the fields alone
}

var lines = buffer.NewPool()

func newConsoleEncoder() zapcore.Encoder {
	return consoleEncoder{zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		EncodeTime: zapcore.RFC3339TimeEncoder, EncodeDuration: zapcore.StringDurationEncoder, SkipLineEnding: true,
	})}
}

// Clone implements zapcore.Encoder.
func (e consoleEncoder) Clone() zapcore.Encoder { return consoleEncoder{e.Encoder.Clone()} }

// EncodeEntry implements zapcore.Encoder.
func (e consoleEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	object, err := e.Encoder.EncodeEntry(entry, fields)
	if err != nil {
		return nil, err
	}
	defer object.Free()
	line := lines.Get()
	line.AppendTime(entry.Time, "15:04:05.000")
	line.AppendString("  " + entry.Level.CapitalString() + strings.Repeat(" ", max(0, len("ERROR")-len(entry.Level.CapitalString()))) + "  ")
	if entry.LoggerName != "" {
		line.AppendString(entry.LoggerName + ": ")
	}
	line.AppendString(inOneLine(entry.Message))
	stack := appendPairs(line, object.Bytes())
	line.AppendByte('\n')
	for row := range strings.Lines(stack) {
		line.AppendString("    " + inOneLine(strings.TrimRight(row, "\n")) + "\n")
	}
	return line, nil
}

// appendPairs writes the members of a JSON object in their order. The stack is returned instead.
func appendPairs(line *buffer.Buffer, object []byte) (stack string) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	_, _ = decoder.Token() // the brace; the encoder writes no broken objects
	for decoder.More() {
		key, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return stack
		}
		name, _ := key.(string)
		text := string(value)
		if value[0] == '"' {
			_ = json.Unmarshal(value, &text) // which has just been decoded
		}
		switch {
		case name == stackKey:
			stack = text
		case text != "":
			line.AppendString(" " + name + "=" + quoted(text))
		}
	}
	return stack
}

// quoted puts a value between quotes where it could be taken for more than one, or for something else.
func quoted(text string) string {
	plain := !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '=' })
	if plain {
		return text
	}
	return strconv.Quote(text)
}

// inOneLine escapes what does not print, and leaves the rest as it is.
func inOneLine(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) && r != '\t' }) {
		return text
	}
	escaped := strconv.Quote(text)
	return escaped[1 : len(escaped)-1]
}
