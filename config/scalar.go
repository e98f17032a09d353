package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stagedoor/internal/bytesize"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

var (
	durationType    = reflect.TypeFor[time.Duration]()
	sizeType        = reflect.TypeFor[bytesize.Size]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// scalar is a single value as the file has it. The field's type decides what it means, not YAML's guess: a client id of
// digits alone stays a text.
type scalar struct {
	text string
	// quoted means that YAML was told: this is a text.
	quoted bool
	// expanded means that the text holds what a variable gave.
	expanded bool
}

func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	}
	return reflect.PointerTo(t).Implements(unmarshalerType)
}

// wanted says what a field of this type needs.
func wanted(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 30s, 12h or 7d"
	case t == sizeType:
		return "a size such as 64KiB or 1MiB"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number such as 0.25"
	case t.Kind() == reflect.Slice && isScalar(t.Elem()):
		return "a list, such as [a, b]"
	case t.Kind() == reflect.Slice:
		return "a list: entries that begin with a dash"
	case isScalar(t):
		return "a text"
	}
	return "a section: keys with values"
}

// scalar reads the text of a node and expands its variables.
func (d *decoder) scalar(field string, node ast.Node, t reflect.Type) (scalar, bool) {
	var s scalar
	switch node := node.(type) {
	case *ast.StringNode:
		s.text = node.Value
		s.quoted = node.Token.Type == token.SingleQuoteType || node.Token.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		s.text, s.quoted = node.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		s.text = node.GetToken().Value
	default:
		d.report(field, "needs "+wanted(t))
		return scalar{}, false
	}
	var used []string // the variables that gave something
	text, err := expand(s.text, func(name string) (string, bool) {
		value, set := d.getenv(name)
		if value != "" && !slices.Contains(used, name) {
			used = append(used, name)
		}
		return value, set
	})
	if len(used) > 0 {
		d.origins[field] = environmentVariable + strings.Join(used, ", ")
	}
	if err != nil {
		d.report(field, err.Error())
		return scalar{}, false
	}
	s.text, s.expanded = text, strings.Contains(s.text, "${")
	return s, true
}

// setScalar reads the text as v's type. A text of another form leaves v as it is.
func (d *decoder) setScalar(field string, s scalar, v reflect.Value) {
	var err error
	switch unmarshaler, ok := v.Addr().Interface().(encoding.TextUnmarshaler); {
	case ok:
		err = unmarshaler.UnmarshalText([]byte(s.text))
	case v.Type() == durationType:
		err = setDuration(s.text, v)
	case v.Kind() == reflect.String && isPath(field):
		v.SetString(d.absolute(s.text))
	case v.Kind() == reflect.String:
		v.SetString(s.text)
	case s.quoted && !s.expanded:
		err = fmt.Errorf("needs %s, without quotes", wanted(v.Type()))
	case v.Kind() == reflect.Bool:
		err = setBool(s.text, v)
	case v.Kind() == reflect.Float64:
		err = setFloat(s.text, v)
	default:
		err = setInt(s.text, v)
	}
	if err != nil {
		d.report(field, err.Error())
	}
}

func setBool(text string, v reflect.Value) error {
	switch strings.ToLower(text) {
	case "true":
		v.SetBool(true)
	case "false":
		v.SetBool(false)
	default:
		return fmt.Errorf("needs %s", wanted(v.Type()))
	}
	return nil
}

func setInt(text string, v reflect.Value) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("needs %s", wanted(v.Type()))
	}
	v.SetInt(int64(n))
	return nil
}

func setFloat(text string, v reflect.Value) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return fmt.Errorf("needs %s", wanted(v.Type()))
	}
	v.SetFloat(n)
	return nil
}

func setDuration(text string, v reflect.Value) error {
	length, err := parseDuration(text)
	if err != nil {
		return err
	}
	v.SetInt(int64(length))
	return nil
}

// durationForm is a duration without its sign: Go's form (see time.ParseDuration), and d for days.
const durationForm = `(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d))+)`

var (
	duration = regexp.MustCompile(`^[+-]?` + durationForm + `$`)
	// days is what Go's durations lack.
	days = regexp.MustCompile(`([0-9]+(\.[0-9]*)?|\.[0-9]+)d`)
)

// parseDuration reads a Go duration in which d stands for 24 hours. No length of time in config.yaml can be negative.
func parseDuration(text string) (time.Duration, error) {
	inHours := days.ReplaceAllStringFunc(text, func(part string) string {
		n, err := strconv.ParseFloat(strings.TrimSuffix(part, "d"), 64)
		if err != nil { // more days than a float has: time.ParseDuration rejects them
			return part
		}
		return strconv.FormatFloat(n*24, 'f', -1, 64) + "h"
	})
	length, err := time.ParseDuration(inHours)
	if err != nil || !duration.MatchString(text) {
		return 0, fmt.Errorf("needs %s", wanted(durationType))
	}
	if length < 0 {
		return 0, errors.New("must not be negative")
	}
	return length, nil
}
