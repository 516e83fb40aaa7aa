// Package vfs is what the ledger needs of a file system, as an interface, and the
// operating system's file system behind it.
//
// The seam is where the durability of a log is tested: package crashfs keeps in
// memory which sectors were written and not synced, and loses power between any
// two calls. So it holds what a log relies on and nothing else: bytes at
// offsets, one call that makes a file's bytes durable, one that makes the names
// of a directory durable, a lock, and a mapping for reading.
//
// What an implementation promises:
//
//   - After [File.Sync] returned nil, all bytes written to the file before, by
//     any handle, survive a crash, together with the file's size. Nothing else
//     is durable, and what is not may be kept in any part and any order.
//   - After [FS.SyncDir] returned nil, the names that were created, renamed or
//     removed in the directory before survive; not the bytes they lead to.
//   - A [FS.Rename] replaces its target at once.
//   - Errors of the operating system come through [errors.Is]: fs.ErrNotExist,
//     fs.ErrExist, fs.ErrPermission, and what [Full] asks for.
//
// A sync that failed is final: what it should have made durable may be lost
// although it can still be read, and a later sync may report success all the
// same (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX
// ATC 2020). Callers write it again or give up.
package vfs

import (
	"errors"
	"io"
	"syscall"
)

// Align is what offset, length and memory of a write to a [Direct] file are a
// multiple of.
const Align = 4096

// ErrLocked is the error of [FS.Lock] for a file that is locked already.
var ErrLocked = errors.New("vfs: file is locked")

// FS is a file system. Its methods may be called by any number of goroutines.
// Paths are those of package filepath.
type FS interface {
	// MkdirAll creates a directory and those above it that are missing, mode
	// 0700. Their names are not durable.
	MkdirAll(path string) error

	// Open opens a file. The flag is os.O_RDONLY or os.O_RDWR, with any of
	// os.O_CREATE, os.O_EXCL and os.O_TRUNC; a new file has mode 0600. With [Direct]
	// writes may go around the cache.
	Open(path string, flag int) (File, error)

	// ReadDir returns the names in a directory, sorted.
	ReadDir(path string) ([]string, error)

	// Rename gives a file another name in its directory, in the place of a file
	// that has it.
	Rename(from, to string) error

	// Remove removes a file or an empty directory.
	Remove(path string) error

	// SyncDir makes the names in a directory durable.
	SyncDir(path string) error

	// Lock opens a file for reading and writing, creating it if need be, and
	// locks it until it is closed or the process ends. [ErrLocked] if somebody
	// has it, in this process or another.
	Lock(path string) (File, error)

	// Map returns the bytes of a file, read-only and valid until the function
	// is called. A file that is replaced by a rename stays mapped as it was.
	Map(path string) (b []byte, unmap func() error, err error)
}

// File is an open file. Its methods may be called by any number of goroutines;
// after Close they answer an error.
type File interface {
	io.ReaderAt
	io.WriterAt

	// Size returns the length of the file in bytes.
	Size() (int64, error)

	// Truncate sets the length; bytes that come new are zeros.
	Truncate(size int64) error

	// Sync makes the bytes of the file durable, and of its metadata what is
	// needed to read them again (fdatasync).
	Sync() error

	// Close releases the file, and its lock. It makes nothing durable.
	Close() error
}

// Misaligned reports whether an error of a [Direct] file says that it wants other
// offsets or memory than multiples of [Align], or takes no direct write at all.
func Misaligned(err error) bool { return errors.Is(err, syscall.EINVAL) }

// Full reports whether an error says that there is no room: a full file system
// or a quota that is used up.
func Full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
