package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills a Config from a syntax tree and goes on after a problem, so that one run finds them all.
type decoder struct {
	source source
	// folder is what relative paths in the file start from.
	folder string
	getenv func(string) (string, bool)

	positions   positions
	problems    Problems
	broken      map[string]bool   // fields that have a problem
	given       map[string]bool   // fields that the file gives a value
	origins     map[string]string // in words, where values that are not in the file itself came from
	secretFiles []string          // in the order of the file
}

func newDecoder(path, text string, getenv func(string) (string, bool)) *decoder {
	return &decoder{
		source: newSource(path, text), folder: filepath.Dir(path), getenv: getenv,
		positions: positions{}, broken: map[string]bool{}, given: map[string]bool{}, origins: map[string]string{},
	}
}

// report adds what is wrong with a field, at the field's place.
func (d *decoder) report(field, problem string) {
	d.broken[field] = true
	d.problems = append(d.problems, d.found(field, problem))
}

// reportAt adds what is wrong at a place: with the file, or with a key that has no place of its own.
func (d *decoder) reportAt(position Position, field, problem string) {
	if field != "" {
		d.broken[field] = true
	}
	d.problems = append(d.problems, Problem{File: d.source.name, Position: position, Field: field, Text: problem})
}

// found makes a problem of a text about a field.
func (d *decoder) found(field, problem string) Problem {
	position, _ := d.positions.of(field)
	if origin, elsewhere := d.origin(field); elsewhere && !d.decides(field) {
		problem += " (this is the value of " + origin + ")"
	}
	return Problem{File: d.source.name, Position: position, Field: field, Text: problem}
}

// value decodes node into v by v's type. A null leaves v at its default.
func (d *decoder) value(field string, node ast.Node, v reflect.Value) {
	if isNull(node) {
		return
	}
	d.given[field] = true
	switch {
	case d.refuses(field, node):
	case isScalar(v.Type()):
		if s, ok := d.scalar(field, node, v.Type()); ok {
			d.setScalar(field, s, v)
		}
	case v.Kind() == reflect.Struct:
		d.section(field, node, v)
	case v.Kind() == reflect.Map:
		d.named(field, node, v)
	case v.Kind() == reflect.Slice:
		d.list(field, node, v)
	default:
		panic(fmt.Sprintf("config: %s has the type %s, which config.yaml cannot hold", field, v.Type()))
	}
}

func isNull(node ast.Node) bool {
	_, null := node.(*ast.NullNode)
	return null || node == nil
}

// refuses reports the parts of YAML that make a configuration hard to read and that are not needed here.
func (d *decoder) refuses(field string, node ast.Node) bool {
	problem := trick(node)
	if problem != "" {
		d.report(field, problem)
	}
	return problem != ""
}

func trick(node ast.Node) (problem string) {
	switch node.(type) {
	case *ast.AnchorNode, *ast.AliasNode:
		return "YAML anchors (&) and aliases (*) are not supported; write the value out, or quote it"
	case *ast.TagNode:
		return "YAML tags (!) are not supported; drop the tag, or quote the value"
	case *ast.DirectiveNode:
		return "YAML directives (%) are not supported; drop the line"
	}
	return ""
}

// section decodes a mapping into a struct.
func (d *decoder) section(field string, node ast.Node, v reflect.Value) {
	known := map[string]key{}
	for _, k := range keysOf(v.Type()) {
		known[k.name] = k
	}
	var twins []entry
	for _, e := range d.entries(field, node) {
		k, ok := known[e.name]
		switch {
		case !ok:
			at, _ := d.positions.of(e.field)
			d.reportAt(at, shownKey(field, e.name), unknownKey(e.name, v.Type()))
		case k.twin:
			twins = append(twins, e)
		default:
			d.value(e.field, e.node, v.Field(k.index))
		}
	}
	for _, e := range twins {
		d.secretFile(e, v.Field(known[e.name].index))
	}
}

// named decodes a mapping with keys of the operator's choice.
func (d *decoder) named(field string, node ast.Node, v reflect.Value) {
	v.SetZero()
	for _, e := range d.entries(field, node) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(e.field, e.node, element)
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		v.SetMapIndex(reflect.ValueOf(e.name), element)
	}
}

// list decodes a sequence. It replaces the default. A scalar that became empty by expansion is left out: its variable
// says that there is none.
func (d *decoder) list(field string, node ast.Node, v reflect.Value) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok && field == scopesField {
		d.words(field, node, v)
		return
	}
	if !ok {
		d.report(field, "needs "+wanted(v.Type()))
		return
	}
	v.SetZero()
	for _, n := range sequence.Values {
		item := fmt.Sprintf("%s[%d]", field, v.Len())
		d.positions[item] = d.source.start(n)
		element, keep := d.element(item, n, v.Type().Elem())
		if !keep {
			delete(d.positions, item)
			continue
		}
		v.Set(reflect.Append(v, element))
	}
}

// words decodes one text, separated by blanks, into a list of texts.
func (d *decoder) words(field string, node ast.Node, v reflect.Value) {
	s, ok := d.scalar(field, node, v.Type())
	if !ok {
		return
	}
	v.SetZero()
	for _, word := range strings.Fields(s.text) {
		d.append(field, scalar{text: word, expanded: s.expanded}, v)
	}
}

// element decodes one entry of a list. It is false for an entry to leave out; one with a problem stays, so that the
// numbers of the others are right.
func (d *decoder) element(item string, node ast.Node, t reflect.Type) (reflect.Value, bool) {
	element := reflect.New(t).Elem()
	switch {
	case isNull(node):
		d.report(item, "this entry is empty; it needs "+wanted(t))
	case d.refuses(item, node):
	case isScalar(t):
		s, ok := d.scalar(item, node, t)
		if ok && s.expanded && s.text == "" {
			return element, false
		}
		if ok {
			d.setScalar(item, s, element)
		}
	default:
		d.value(item, node, element)
	}
	return element, true
}

// entry is one key of a mapping with its value.
type entry struct {
	name, field string
	node        ast.Node
}

// entries returns the keys of a mapping in the order of the file and records their positions. A doubled key counts once.
func (d *decoder) entries(field string, node ast.Node) []entry {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		d.noSection(field, node)
		return nil
	}
	var entries []entry
	seen := map[string]Position{}
	for _, pair := range mapping.Values {
		position := d.source.start(pair.Key)
		name, problem := keyName(pair.Key)
		if problem != "" {
			d.reportAt(position, field, problem)
			continue
		}
		path := join(field, name)
		if first, doubled := seen[name]; doubled {
			d.reportAt(position, path, fmt.Sprintf("this key is here twice, first in line %d; keep one", first.Line))
			continue
		}
		seen[name], d.positions[path] = position, position
		entries = append(entries, entry{name: name, field: path, node: pair.Value})
	}
	return entries
}

// noSection reports a value that is not a mapping. A text on a line of its own below the key is most often a key without its colon
// or the space behind that.
func (d *decoder) noSection(field string, node ast.Node) {
	start := d.source.start(node)
	if key, found := d.positions.of(field); found && start.Line > key.Line && node.Type() == ast.StringType {
		d.reportAt(start, field, "this is not a key with a value; write a colon and a space between the two")
		return
	}
	d.report(field, "needs a section: keys with values, indented below it")
}

// keyName returns the text of a plain or quoted key, or what is wrong with a key of any other kind.
func keyName(node ast.MapKeyNode) (name, problem string) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, ""
	case *ast.MergeKeyNode:
		return "", "YAML merge keys (<<) are not supported; write the keys out"
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, ""
	}
	return "", "a key must be a plain word"
}

// absolute makes a path that the file names start from the file's folder.
func (d *decoder) absolute(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(d.folder, path)
}

// isPath tells by its name whether a key holds the path of a file or a folder.
func isPath(field string) bool {
	return strings.HasSuffix(field, fileSuffix) || strings.HasSuffix(field, ".files")
}
