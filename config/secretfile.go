package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"stagedoor/secret"
)

// secretFile fills a secret, or a list of secrets, from the file that its …_file twin names. An empty name means that
// there is no file.
func (d *decoder) secretFile(twin entry, v reflect.Value) {
	var path string
	d.value(twin.field, twin.node, reflect.ValueOf(&path).Elem())
	plain := strings.TrimSuffix(twin.field, fileSuffix)
	if d.broken[twin.field] {
		d.broken[plain] = true // it may well be in the file that we cannot name
	}
	if path == "" {
		delete(d.given, twin.field)
		return
	}
	if d.readSecretFile(twin.field, path, v) {
		d.positions[plain] = d.positions[twin.field] // what is wrong with the secret is wrong with its file
	}
}

// readSecretFile fills a secret from the file at path. It is false when there is a problem, which it reports at the twin.
func (d *decoder) readSecretFile(twin, path string, v reflect.Value) bool {
	plain := strings.TrimSuffix(twin, fileSuffix)
	if !v.IsZero() {
		d.report(twin, fmt.Sprintf("%s is set as well; keep one of the two", plain))
		return false
	}
	d.secretFiles = append(d.secretFiles, path)
	text, err := readSecret(path)
	if err != nil {
		d.broken[plain] = true
		d.report(twin, d.withoutSecret(path, err))
		return false
	}
	d.origins[plain] = fmt.Sprintf("the file that %s names", strings.TrimPrefix(cmp.Or(d.origins[twin], twin), environmentVariable))
	if v.Type() == secretType {
		v.Set(reflect.ValueOf(secret.New(text)))
		return true
	}
	v.Set(reflect.ValueOf(secretLines(text)))
	return true
}

// withoutSecret is how an error names a file. A name without an extension, of a file that does not exist, may be the secret
// itself: then the error has only the position in the configuration.
func (d *decoder) withoutSecret(path string, err error) string {
	relative, relErr := filepath.Rel(d.folder, path)
	mayBeSecret := relErr == nil && filepath.IsLocal(relative) && filepath.Ext(path) == ""
	if _, missing := os.Stat(path); mayBeSecret && missing != nil { //nolint:gosec // G703: an operator's configuration says which files are read
		return strings.Replace(err.Error(), strconv.Quote(path), "that is named here", 1)
	}
	return err.Error()
}

// maxSecretFile is far above any real secret, and keeps a wrong path such as /dev/zero from filling the memory.
const maxSecretFile = 64 << 10

// readSecret returns the file's text without the line ends behind it.
func readSecret(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // G703: an operator's configuration says which files are read
	if err != nil {
		return "", unreadable(path, err)
	}
	defer file.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return "", unreadable(path, err)
	}
	if len(text) > maxSecretFile {
		return "", fmt.Errorf("the file %q has more than %d KiB, which no secret has; correct the path",
			path, maxSecretFile>>10)
	}
	if bytes.HasPrefix(text, []byte(byteOrderMark)) || bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return "", fmt.Errorf("the file %q begins with a byte-order mark, which some editors and shells write; save it as UTF-8 without one", path)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("the file %q is empty; write the secret into it", path)
	}
	return secret, nil
}

// unreadable says why without the path that the system's error repeats.
func unreadable(path string, err error) error {
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("the file %q cannot be read (%w); correct the path or its permissions", path, err)
}

// secretLines returns one secret a line, without blank lines and those that begin with #.
func secretLines(text string) []secret.Text {
	var secrets []secret.Text
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			secrets = append(secrets, secret.New(line))
		}
	}
	return secrets
}
