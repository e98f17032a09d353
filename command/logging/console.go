package logging

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// consoleEncoder is zap's encoder for a person at a terminal: the time, the level in a column of its own, the message, the
// fields as JSON, and the stack of a panic in lines of its own. What a terminal would take for a command does not get there.
type consoleEncoder struct{ zapcore.Encoder }

func newConsoleEncoder(fields zapcore.EncoderConfig) zapcore.Encoder {
	fields.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	fields.EncodeLevel = func(level zapcore.Level, to zapcore.PrimitiveArrayEncoder) {
		to.AppendString(fmt.Sprintf("%-5s", level.CapitalString()))
	}
	fields.ConsoleSeparator = "  "
	return consoleEncoder{zapcore.NewConsoleEncoder(fields)}
}

// Clone implements zapcore.Encoder.
func (e consoleEncoder) Clone() zapcore.Encoder { return consoleEncoder{e.Encoder.Clone()} }

// EncodeEntry implements zapcore.Encoder. Zap writes the message as it is, and escapes in fields what JSON has to.
func (e consoleEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	if strings.ContainsFunc(entry.Message, unprintable) || strings.Contains(entry.Message, "\n") {
		quoted := strconv.Quote(entry.Message)
		entry.Message = quoted[1 : len(quoted)-1]
	}
	line, err := e.Encoder.EncodeEntry(entry, fields)
	if err != nil || !bytes.ContainsFunc(line.Bytes(), unprintable) {
		return line, err
	}
	printable := bytes.Map(func(r rune) rune {
		if unprintable(r) {
			return unicode.ReplacementChar
		}
		return r
	}, line.Bytes())
	line.Reset()
	_, err = line.Write(printable)
	return line, err
}

// unprintable tells of characters that move the cursor or begin a command, or that hide or turn what is beside them.
func unprintable(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }
