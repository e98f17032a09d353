package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"stagedoor/secret"
)

// maxFileSize is far above any real configuration; the YAML parser's time grows with the square of the nesting.
const maxFileSize = 256 << 10

// Loaded is a configuration without problems.
type Loaded struct {
	// Config is the effective configuration: the file's values over those of the environment, and these over the defaults.
	Config Config
	// File is the path it was loaded from.
	File string
	// Warnings do not reject the file; the operator should know them.
	Warnings Problems
	// SecretFiles are the files that …_file keys named, in the order of config.yaml. A change in one of them takes
	// effect when the configuration is loaded again.
	SecretFiles []string

	decoder *decoder // knows the text, and where its fields stand
}

// Load reads the configuration file at path and checks it. getenv gives the variables of ${NAME} and those that fill in
// what the file leaves out, as os.LookupEnv does.
// When something is wrong in the file, the error is a Problems that holds everything that is wrong.
func Load(path string, getenv func(string) (string, bool)) (*Loaded, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the configuration cannot be read: %w; correct the path or its permissions", err)
	}
	return load(path, string(text), getenv)
}

// Again loads the same text once more, whatever the file says by now, for the sake of the files that it names.
func (l *Loaded) Again() (*Loaded, error) {
	return load(l.File, l.decoder.source.text(), l.decoder.getenv)
}

func load(path, text string, getenv func(string) (string, bool)) (*Loaded, error) {
	d := newDecoder(path, text, getenv)
	config := Default()
	var warnings Problems
	if body, ok := d.parse(); ok {
		d.value("", body, reflect.ValueOf(&config).Elem())
		d.fromEnvironment(&config)
		completeRoutes(config.Routes)
		warnings = check(&config, d)
	}
	if len(d.problems) > 0 {
		d.problems.sort()
		return nil, d.problems
	}
	return &Loaded{Config: config, File: path, Warnings: warnings, SecretFiles: d.secretFiles, decoder: d}, nil
}

// parse returns the mapping at the top of the file's one document; a null for an empty file. It is false when there is
// nothing to decode.
func (d *decoder) parse() (ast.Node, bool) {
	text := d.source.text()
	if len(text) > maxFileSize {
		d.reportAt(fileStart, "", fmt.Sprintf("the file has more than %d KiB, which no configuration has; correct the path",
			maxFileSize>>10))
		return nil, false
	}
	if position, found := d.source.notUTF8(); found {
		d.reportAt(position, "", "the file is not UTF-8 here; save it as UTF-8")
		return nil, false
	}
	file, err := parseYAML(text)
	if err != nil {
		d.reportSyntax(err)
		return nil, false
	}
	return d.onlyDocument(file)
}

// onlyDocument returns the mapping of a file's one document.
func (d *decoder) onlyDocument(file *ast.File) (ast.Node, bool) {
	var body ast.Node
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		problem := trick(document.Body)
		switch _, mapping := document.Body.(*ast.MappingNode); {
		case problem != "":
		case body != nil:
			problem = "a second YAML document begins here; a configuration is one, so remove the --- before it"
		case !mapping && !isNull(document.Body):
			problem = "a configuration is made of sections, such as server: and spotify:, with their keys indented below"
		}
		if problem != "" {
			d.reportAt(d.source.start(document.Body), "", problem)
			return nil, false
		}
		body = document.Body
	}
	return body, true
}

// parseYAML allows doubled keys, because the decoder finds all of them. The parser has panicked on broken files before
// (https://github.com/goccy/go-yaml/issues/540); such a file is reported as broken.
func parseYAML(text string) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the parser gave up on this file")
		}
	}()
	return parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
}

// syntaxMends add to the parser's messages what to do. A new version may change a message; then the advice is missing and
// a golden file differs.
var syntaxMends = []struct{ says, mend string }{
	{"is not allowed in this context", "keys of one section stand at the same indentation"},
	{"could not find end character", "close the quotes"},
	{"must be specified", "close the bracket, part its entries with commas, and quote what holds one of []{},'"},
	{"undefined alias name", "a * that begins a value needs quotes"},
}

// reportSyntax reports why the file is not YAML, where the parser knows it.
func (d *decoder) reportSyntax(err error) {
	var syntax yaml.Error
	if !errors.As(err, &syntax) {
		d.reportAt(fileStart, "", "this is not YAML: "+secret.WithoutQuotations(err.Error()))
		return
	}
	// The parser may quote a secret that lacks its own quotes; the position says where it stands.
	message := secret.WithoutQuotations(strings.Join(strings.Fields(syntax.GetMessage()), " "))
	position := d.source.at(syntax.GetToken())
	switch line := d.source.lines[position.Line-1]; {
	case strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
		message = "a tab stands here; indent with spaces"
	case strings.ContainsAny(line, "[{") && strings.Contains(line, "${"):
		message += `; inside [ ] and { } a ${NAME} needs quotes: "${NAME}"`
	default:
		for _, m := range syntaxMends {
			if strings.Contains(message, m.says) {
				message += "; " + m.mend
			}
		}
	}
	d.reportAt(position, "", "this is not YAML: "+message)
}
