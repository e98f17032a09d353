package files

import (
	"io/fs"
	"syscall"
	"time"
)

// stampOf returns what changes with a file's content; ok is false when the file system does not say it.
func stampOf(info fs.FileInfo) (s stamp, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, false
	}
	changed := time.Unix(stat.Ctim.Unix()).UnixNano()
	return stamp{device: uint64(stat.Dev), inode: stat.Ino, size: stat.Size, modified: info.ModTime().UnixNano(), changed: changed}, true //nolint:unconvert // Dev has another type on other processors
}
