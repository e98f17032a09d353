package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// auditFileMode is for a file that is made here: it names users. What logrotate makes has the mode that its operator wants.
const auditFileMode = 0o600

// auditFile is a file that lines are added to, and that may be moved away meanwhile. It is safe for concurrent use.
type auditFile struct {
	path string

	mu   sync.Mutex // guards what follows
	file *os.File
	err  error // of the last write or the last attempt to open it
}

// openAuditFile opens a file, or makes it. Its folder must be there.
func openAuditFile(path string) (*auditFile, error) {
	f := &auditFile{path: path}
	return f, f.reopen()
}

// reopen opens what has the file's name now. The file in use stays when that cannot be opened.
func (f *auditFile) reopen() error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, auditFileMode)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	if err != nil {
		return fmt.Errorf("log.audit_file: %q cannot be written (%w); correct the path, its folder or their permissions", f.path, causeOf(err))
	}
	if f.file != nil {
		_ = f.file.Close() // its lines are written
	}
	f.file = file
	return nil
}

// Write implements io.Writer.
func (f *auditFile) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.file.Write(lines)
	f.err = err
	return n, err
}

// problem returns why lines cannot be written, or could not when the file was last opened; nil when all is well.
func (f *auditFile) problem() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return causeOf(f.err)
}

func (f *auditFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.file.Close() // there is nowhere to say it
}

// causeOf is an error without the path, which the message has already.
func causeOf(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
