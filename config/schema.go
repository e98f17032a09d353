package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"stagedoor/internal/webapi"
)

var configType = reflect.TypeFor[Config]()

// Schema returns the JSON Schema (draft 2020-12) of config.yaml for editors: the keys, types and defaults of Config,
// described by the comments of a commented config.yaml. It accepts every file that Load accepts. It cannot reject all that
// Load rejects: it knows neither the environment nor other files, and checks one value at a time.
func Schema(commented string) ([]byte, error) {
	comments, err := readComments(commented)
	if err != nil {
		return nil, err
	}
	b := schemaBuilder{comments: comments}
	root := b.section("", configType, reflect.ValueOf(Default()))
	root.Schema, root.Title = "https://json-schema.org/draft/2020-12/schema", "Stagedoor's config.yaml"
	root.Definitions = definitions
	var compact, indented bytes.Buffer
	if err := encodeJSON(&compact, root); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	if err := json.Indent(&indented, compact.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("indent the schema: %w", err)
	}
	return indented.Bytes(), nil
}

type schemaBuilder struct{ comments comments }

// property describes the value of a key. Every key may be null, which means its default. The invalid reflect.Value says
// that there is no default.
func (b schemaBuilder) property(path string, t reflect.Type, byDefault reflect.Value) *node {
	n := b.value(path, t, byDefault)
	n.Description = b.comments.of(path)
	if byDefault.IsValid() && t.Kind() != reflect.Struct {
		n.Default = plain(byDefault)
	}
	return n
}

func (b schemaBuilder) value(path string, t reflect.Type, byDefault reflect.Value) *node {
	switch {
	case isScalar(t):
		return scalarNode(path, t, true)
	case t.Kind() == reflect.Struct:
		return b.section(path, t, byDefault)
	case t.Kind() == reflect.Map:
		names := &node{Pattern: accountName.String()}
		return &node{Type: orNull("object"), PropertyNames: names, Additional: b.value(path, t.Elem(), reflect.Value{})}
	}
	if path == scopesField {
		list, text := b.list(path, t), node{Type: "string", Pattern: "^(" + strings.Join(webapi.Scopes(), "|") + "| )*$"}
		return &node{AnyOf: []node{*list, text, {Ref: "#/$defs/variable"}}}
	}
	return b.list(path, t)
}

func (b schemaBuilder) list(path string, t reflect.Type) *node {
	if isScalar(t.Elem()) {
		return &node{Type: orNull("array"), Items: scalarNode(path, t.Elem(), false)}
	}
	items := b.section(path, t.Elem(), reflect.Value{})
	items.Type = "object" // an entry that is empty is a problem
	return &node{Type: orNull("array"), Items: items}
}

func (b schemaBuilder) section(path string, t reflect.Type, byDefault reflect.Value) *node {
	n := &node{Type: orNull("object"), Additional: false}
	for _, k := range keysOf(t) {
		fieldType, fieldDefault, fieldPath := t.Field(k.index).Type, reflect.Value{}, join(path, k.name)
		if k.twin {
			fieldType = reflect.TypeFor[string]()
		} else if byDefault.IsValid() && fieldPath != clientID && fieldType != secretType && fieldType != secretsType {
			fieldDefault = byDefault.Field(k.index)
		}
		n.Properties = append(n.Properties, property{k.name, b.property(fieldPath, fieldType, fieldDefault)})
	}
	if demand, ok := sectionRules[path]; ok {
		n.Required, n.AnyOf, n.AllOf = demand.Required, demand.AnyOf, demand.AllOf
	}
	if len(n.Required) > 0 || len(n.AnyOf) > 0 { // a null would be a section without them
		n.Type = "object"
	}
	return n
}

// scalarNode describes a single value by its type and its rule. A variable may stand for any.
func scalarNode(path string, t reflect.Type, nullable bool) *node {
	rule, ruled := scalarRules[path]
	if ruled && (rule.Enum != nil || rule.Pattern != "") {
		n := &node{}
		if rule.Enum != nil {
			values := slices.Clone(rule.Enum)
			if nullable {
				values = append(values, nil)
			}
			n.AnyOf = append(n.AnyOf, node{Enum: values})
		}
		if rule.Pattern != "" {
			text := node{Type: "string", Pattern: rule.Pattern}
			if nullable && rule.Enum == nil {
				text.Type = orNull("string")
			}
			n.AnyOf = append(n.AnyOf, text)
		}
		n.AnyOf = append(n.AnyOf, node{Ref: "#/$defs/variable"})
		return n
	}
	name := definitionOf(t)
	n := &node{Ref: "#/$defs/" + name, Minimum: rule.Minimum, MinLength: rule.MinLength}
	if !nullable {
		n.Not = &node{Type: "null"}
	}
	return n
}

func definitionOf(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t == sizeType:
		return "size"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Int:
		return "number"
	case t.Kind() == reflect.Float64:
		return "fraction"
	}
	return "text"
}

func orNull(name string) []string { return []string{name, "null"} }

// plain is a default as config.yaml would have it.
func plain(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return formatDuration(value)
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		if err != nil {
			panic(fmt.Sprintf("config: the default %v has no text: %v", value, err))
		}
		return string(text)
	}
	switch v.Kind() {
	case reflect.Slice:
		list := []any{}
		for i := range v.Len() {
			list = append(list, plain(v.Index(i)))
		}
		return list
	case reflect.Map: // no default has an entry
		return fields{}
	case reflect.Struct:
		var section fields
		for _, k := range keysOf(v.Type()) {
			if f := v.Field(k.index); !f.IsZero() {
				section = append(section, field{k.name, plain(f)})
			}
		}
		return section
	}
	return v.Interface()
}

// formatDuration writes whole days as such, and leaves out the zeros of time.Duration's form.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
