package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// documentedField is a row of the table of fields in docs/operations.md.
var documentedField = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

// TestAuditFields compares the fields that docs/operations.md promises with those that the program writes. Every audit line comes
// from a call with the text "audit", or from one of a method named key of a field named audit.
func TestAuditFields(t *testing.T) {
	page, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## The audit log\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, match := range documentedField.FindAllStringSubmatch(section, -1) {
		documented = append(documented, match[1])
	}
	written := []string{"ts", "level", "msg"} // by the encoder
	calls := 0
	walkSource(t, func(path string, _ *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "e2e") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if isCall && writesAuditLine(call) {
				calls++
				written = append(written, fieldsOf(call)...)
			}
			return true
		})
	})
	slices.Sort(written)
	slices.Sort(documented)
	if written = slices.Compact(written); !slices.Equal(written, documented) || calls < 10 {
		t.Errorf("%d calls write %v, and docs/operations.md has %v", calls, written, documented)
	}
}

// writesAuditLine tells whether a call writes an audit line.
func writesAuditLine(call *ast.CallExpr) bool {
	method, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod {
		return false
	}
	if of, nested := method.X.(*ast.SelectorExpr); nested && of.Sel.Name == "audit" {
		return true
	}
	return len(call.Args) > 0 && textOf(call.Args[0]) == "audit"
}

// fieldsOf returns the names of the zap fields in a call.
func fieldsOf(call *ast.CallExpr) []string {
	var names []string
	ast.Inspect(call, func(n ast.Node) bool {
		inner, isCall := n.(*ast.CallExpr)
		if !isCall || len(inner.Args) == 0 {
			return true
		}
		if method, isMethod := inner.Fun.(*ast.SelectorExpr); isMethod {
			if of, isName := method.X.(*ast.Ident); isName && of.Name == "zap" {
				names = append(names, textOf(inner.Args[0]))
			}
		}
		return true
	})
	return names
}

// textOf returns the text of a literal; empty for anything else.
func textOf(e ast.Expr) string {
	literal, isLiteral := e.(*ast.BasicLit)
	if !isLiteral || literal.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return text
}
