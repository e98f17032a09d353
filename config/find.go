package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// standardPaths are searched when no file is named.
var standardPaths = []string{"./config.yaml", "/etc/stagedoor/config.yaml"}

// Find returns the path of the configuration: the flag's, else $STAGEDOOR_CONFIG, else ./config.yaml, else
// /etc/stagedoor/config.yaml. A file that is named but missing is an error; the search does not go on.
func Find(flag string, getenv func(string) (string, bool)) (string, error) {
	return find(flag, getenv, standardPaths)
}

func find(flag string, getenv func(string) (string, bool), paths []string) (string, error) {
	if flag != "" {
		return named(flag, "-config names")
	}
	if path, _ := getenv("STAGEDOOR_CONFIG"); path != "" {
		return named(path, "STAGEDOOR_CONFIG names")
	}
	for _, path := range paths {
		if !missing(path) {
			return path, nil
		}
	}
	return "", errors.New("there is no configuration file: name one with -config or STAGEDOOR_CONFIG, " +
		"or put it at ./config.yaml or /etc/stagedoor/config.yaml")
}

func named(path, by string) (string, error) {
	if missing(path) {
		return "", fmt.Errorf("%s the configuration file %s, which does not exist; correct the path", by, path)
	}
	return path, nil
}

// missing is true only for a file that does not exist. One that cannot be read counts as found, so that Load says why.
func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}
