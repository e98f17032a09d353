package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"text/tabwriter"
)

// OriginTable renders the keys whose values are no defaults, and where each value came from: a line of the file, an
// environment variable, or the file of a secret. A list is one key. It shows no values, because some are secret.
func (l *Loaded) OriginTable() string {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tVALUE FROM")
	defaults := Default()
	completeRoutes(defaults.Routes)
	l.differences("", reflect.ValueOf(defaults), reflect.ValueOf(l.Config), func(field string) {
		fmt.Fprintf(w, "%s\t%s\n", field, l.originOf(field))
	})
	w.Flush() // a strings.Builder takes every write
	return table.String()
}

// differences calls visit for each key of two structs of one type whose values differ.
func (l *Loaded) differences(section string, a, b reflect.Value, visit func(field string)) {
	for _, k := range keysOf(a.Type()) {
		was, is, field := a.Field(k.index), b.Field(k.index), join(section, k.name)
		switch {
		case k.twin || reflect.DeepEqual(was.Interface(), is.Interface()):
		case is.Kind() == reflect.Struct && is.Type() != secretType:
			l.differences(field, was, is, visit)
		default:
			visit(field)
		}
	}
}

func (l *Loaded) originOf(field string) string {
	d := l.decoder
	position, _ := d.positions.of(field)
	line := fmt.Sprintf("%s:%d", filepath.Base(d.source.name), position.Line)
	var elsewhere string
	for _, f := range []string{field, field + "[0]", field + fileSuffix} {
		elsewhere = cmp.Or(elsewhere, d.origins[f])
	}
	switch {
	case elsewhere != "" && d.decides(field):
		return elsewhere + " (" + line + ")"
	case elsewhere != "":
		return elsewhere
	case d.decides(field):
		return line
	}
	for _, v := range variables { // one that is an entry's of a list
		if strings.HasPrefix(v.field, field+"[") && d.origins[v.field] != "" {
			return d.origins[v.field]
		}
	}
	return "the defaults"
}
