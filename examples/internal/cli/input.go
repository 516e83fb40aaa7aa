package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// UsageError is an error of the caller: exit code 2.
type UsageError struct{ error }

// Unwrap returns the error itself.
func (e UsageError) Unwrap() error { return e.error }

// Usage makes an error the caller's; nil stays nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return UsageError{err}
}

// Usagef is an error of the caller.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// ErrShown means that what does not hold has been printed: exit code 1, and no
// further word.
var ErrShown = errors.New("something does not hold")

// Read returns the content of a file that the caller named, of which more than
// limit bytes are refused. Its errors are the caller's.
func Read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, UsageError{err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, UsageError{err}
	case int64(len(b)) > limit:
		return nil, Usagef("%s has more than %d bytes", name, limit)
	}
	return b, nil
}

// Folder reports, as the caller's error, what a flag names that is no folder.
func Folder(flag, dir string) error {
	switch info, err := os.Stat(dir); {
	case err != nil:
		return UsageError{fmt.Errorf("-%s: %w", flag, err)}
	case !info.IsDir():
		return Usagef("-%s: %s is no folder", flag, dir)
	}
	return nil
}

// TenantKey reads the file that the flag -tenant-key names; none without a name.
func TenantKey(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	key, err := Read(name, 32)
	if err != nil {
		return nil, err
	}
	if len(key) != 32 {
		return nil, Usagef("-tenant-key: %d bytes, want 32", len(key))
	}
	return key, nil
}

// List is a flag that may be given several times.
type List []string

// String implements [flag.Value].
func (l *List) String() string { return strings.Join(*l, ",") }

// Set implements [flag.Value].
func (l *List) Set(s string) error {
	*l = append(*l, s)
	return nil
}
