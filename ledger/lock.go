package ledger

import (
	"hash/crc32"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// The lock file is locked while a writer has the directory, and holds the epoch
// of the newest writer:
//
//	magic(16) ‖ epoch(8) ‖ CRC-32C(4)
//
// Every opening begins a new epoch. Where locks do not hold, as on some network
// file systems, a writer that was overtaken finds a newer epoch before it writes,
// or before it acknowledges, and stops. The head file is locked too, so that
// nobody gets in by removing the lock file.
const (
	lockMagic = "csss/ledger/lock"
	lockBytes = len(lockMagic) + 8 + 4
)

// fence is the open lock file.
type fence struct {
	f     vfs.File
	epoch uint64
	mine  [lockBytes]byte
}

func encodeLock(epoch uint64) []byte {
	b := appendU64(append(make([]byte, 0, lockBytes), lockMagic...), epoch)
	return appendU32(b, crc32.Checksum(b, castagnoli))
}

// read returns the epoch in the file, 0 if there is none that holds.
func (l *fence) read() (uint64, error) {
	var b [lockBytes]byte
	if _, err := l.f.ReadAt(b[:], 0); eofIsFine(err) != nil {
		return 0, err
	}
	r := reader{b: b[len(lockMagic):]}
	epoch := r.u64()
	if string(encodeLock(epoch)) != string(b[:]) {
		return 0, nil
	}
	return epoch, nil
}

// raise begins an epoch that is newer than all known ones.
func (l *fence) raise(known uint64) error {
	have, err := l.read()
	if err != nil {
		return err
	}
	l.epoch = max(have, known) + 1
	copy(l.mine[:], encodeLock(l.epoch))
	if _, err := l.f.WriteAt(l.mine[:], 0); err != nil {
		return err
	}
	return l.f.Sync()
}

// holds answers ErrFenced once another writer has begun an epoch.
func (l *fence) holds() error {
	var b [lockBytes]byte
	if _, err := l.f.ReadAt(b[:], 0); eofIsFine(err) != nil {
		return err
	}
	if b != l.mine {
		return ErrFenced
	}
	return nil
}
