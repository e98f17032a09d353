package gateway

import (
	"crypto/sha256"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"stagedoor/config"
)

const (
	// watchEvery is how often the files of secrets are checked. They are few and small, and reading their content finds
	// every change: Kubernetes swaps a symbolic link two folders up, which no watch on the file itself notices, and a
	// network file system does not report changes.
	watchEvery = 2 * time.Second
	// maxWatched bounds how much of a file is read, in bytes; no valid file is larger.
	maxWatched = 1<<20 + 1
)

// watchedFiles are files beside config.yaml that a configuration was made of.
type watchedFiles struct {
	used contents // what the configuration in use was made of, or what was rejected since
	seen contents // at the last check
}

// contents are files by their path, as hashes, so that secrets are not kept. A file that cannot be read has none.
type contents map[string][sha256.Size]byte

func watch(loaded *config.Loaded) *watchedFiles {
	c := loaded.Config
	paths := append(slices.Clone(loaded.SecretFiles), c.Server.TLS.CertFile, c.Server.TLS.KeyFile)
	for _, account := range c.Accounts {
		paths = append(paths, account.APIKeysFile)
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return path == "" })
	used := contentsOf(slices.Values(paths))
	return &watchedFiles{used: used, seen: used}
}

// changed checks the files. A change counts when two checks have found the same, because a file may still be written, and
// a certificate and its key are two files.
func (w *watchedFiles) changed() bool {
	last := w.seen
	w.seen = contentsOf(maps.Keys(w.used))
	return maps.Equal(w.seen, last) && !maps.Equal(w.seen, w.used)
}

// refused records that the files' present content was rejected, so that it is logged once.
func (w *watchedFiles) refused() { w.used = w.seen }

// since returns the files that are new, or others than when a configuration before was made of them.
func (w *watchedFiles) since(before *watchedFiles) []string {
	var changed []string
	for _, path := range slices.Sorted(maps.Keys(w.used)) {
		if was, known := before.used[path]; !known || was != w.used[path] {
			changed = append(changed, path)
		}
	}
	return changed
}

func contentsOf(paths func(yield func(string) bool)) contents {
	found := contents{}
	for path := range paths {
		found[path] = hashOf(path)
	}
	return found
}

// hashOf returns the hash of a file; zeros for one that cannot be read.
func hashOf(path string) (sum [sha256.Size]byte) {
	file, err := os.Open(path)
	if err != nil {
		return sum
	}
	defer func() { _ = file.Close() }() // it was only read
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(file, maxWatched)); err != nil {
		return sum
	}
	return [sha256.Size]byte(hash.Sum(nil))
}
