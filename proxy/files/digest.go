package files

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"io/fs"
	"sync"
	"time"
)

// stamp is what a file system says of a file that changes when its content does. The modification time alone does
// not: a rollback or a reproducible build sets it to an old one.
type stamp struct {
	device, inode     uint64
	size              int64 // bytes
	modified, changed int64 // nanoseconds since 1970; no program can set the time of change
}

// digests makes validators from the content of files, by reading them. So that a large file is not read for every range of
// it, a digest is used again while the stamp stays the same, for a hundred times as long as it took to make: reading costs
// at most a hundredth of the time, and a wrong stamp of a file system is trusted no longer than that.
// The zero value needs now. It may be used by several goroutines at a time.
type digests struct {
	now func() time.Time

	mu    sync.Mutex // guards files
	files map[string]*digest
}

// digest is the digest of one file.
type digest struct {
	mu    sync.Mutex // guards the rest, and is locked while the file is read: others wait rather than read it, too
	stamp stamp
	text  string
	until time.Time
}

const (
	// digestReuse is for how many times the time that a digest took it is used again.
	digestReuse = 100
	// settled is how long ago a file must have changed, so that the next change cannot fall into the same moment of the file
	// system's clock.
	settled = time.Second
	// maxDigests bounds how many files are remembered.
	maxDigests = 10_000
)

// of returns the digest of an open file of a name, and leaves the file at its begin.
func (d *digests) of(name string, file io.ReadSeeker, info fs.FileInfo) (string, error) {
	stamp, stamped := stampOf(info)
	if !stamped {
		return sum(file)
	}
	known := d.entry(name)
	known.mu.Lock()
	defer known.mu.Unlock()
	began := d.now()
	if known.stamp == stamp && began.Before(known.until) {
		return known.text, nil
	}
	text, err := sum(file)
	if err != nil {
		return "", err
	}
	ended := d.now()
	known.stamp, known.text, known.until = stamp, text, time.Time{}
	if began.Sub(time.Unix(0, stamp.changed)) > settled {
		known.until = ended.Add(digestReuse * ended.Sub(began))
	}
	return text, nil
}

func (d *digests) entry(name string) *digest {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.files[name]
	if known == nil {
		if d.files == nil || len(d.files) >= maxDigests {
			d.files = map[string]*digest{}
		}
		known = new(digest)
		d.files[name] = known
	}
	return known
}

func sum(file io.ReadSeeker) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	_, err := file.Seek(0, io.SeekStart)
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:16]), err
}
