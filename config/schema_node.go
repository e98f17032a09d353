package config

import (
	"bytes"
	"encoding/json"
)

// node is a JSON Schema or a part of one, with the keywords that ours has
// (https://json-schema.org/draft/2020-12/json-schema-validation).
type node struct {
	Schema        string     `json:"$schema,omitempty"`
	Title         string     `json:"title,omitempty"`
	Description   string     `json:"description,omitempty"`
	Ref           string     `json:"$ref,omitempty"`
	Type          any        `json:"type,omitempty"` // a name, or a list of names
	Const         any        `json:"const,omitempty"`
	Enum          []any      `json:"enum,omitempty"`
	Pattern       string     `json:"pattern,omitempty"`
	MinLength     int        `json:"minLength,omitempty"`
	Minimum       *int       `json:"minimum,omitempty"`
	Maximum       *int       `json:"maximum,omitempty"`
	Default       any        `json:"default,omitempty"`
	Required      []string   `json:"required,omitempty"`
	Properties    properties `json:"properties,omitempty"`
	PropertyNames *node      `json:"propertyNames,omitempty"`
	// Additional is false, or a node for the values of keys that Properties lacks.
	Additional any    `json:"additionalProperties,omitempty"`
	Items      *node  `json:"items,omitempty"`
	AnyOf      []node `json:"anyOf,omitempty"`
	AllOf      []node `json:"allOf,omitempty"`
	If         *node  `json:"if,omitempty"`
	Then       *node  `json:"then,omitempty"`
	Not        *node  `json:"not,omitempty"`

	Definitions properties `json:"$defs,omitempty"`
}

// properties are nodes by name, in the order in which they are written.
type properties []property

type property struct {
	name string
	node *node
}

// MarshalJSON implements json.Marshaler.
func (p properties) MarshalJSON() ([]byte, error) {
	return marshalObject(len(p), func(i int) (string, any) { return p[i].name, p[i].node })
}

// fields is a value that keeps the order of its keys.
type fields []field

type field struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (f fields) MarshalJSON() ([]byte, error) {
	return marshalObject(len(f), func(i int) (string, any) { return f[i].name, f[i].value })
}

func marshalObject(n int, at func(i int) (name string, value any)) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		name, value := at(i)
		if err := encodeJSON(&out, name); err != nil {
			return nil, err
		}
		out.WriteByte(':')
		if err := encodeJSON(&out, value); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// encodeJSON leaves <, > and & as they are: people read this.
func encodeJSON(out *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
