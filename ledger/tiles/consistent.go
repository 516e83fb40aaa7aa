package tiles

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

var emptyRoot = checkpoint.EmptyRoot()

// ForkError says how two views of one log differ. It unwraps to [ErrFork].
type ForkError struct {
	Old, New uint64 // sizes of the two trees

	// First is the first entry that differs, or the size of the new tree where it
	// is smaller and differs in nothing else (a rollback).
	First uint64
}

func (e *ForkError) Error() string {
	if e.First == e.New && e.New < e.Old {
		return fmt.Sprintf("tiles: log was rolled back from %d to %d entries", e.Old, e.New)
	}
	return fmt.Sprintf("tiles: views of size %d and %d differ from entry %d on", e.Old, e.New, e.First)
}

// Unwrap returns [ErrFork].
func (e *ForkError) Unwrap() error { return ErrFork }

// Consistent checks that one export of a log extends an earlier one. It reads a
// handful of tiles of each. Errors: [ForkError], which names the first entry that
// differs; [ErrFork] where the origins differ; [DamageError]; the context's.
func Consistent(ctx context.Context, earlier, later *Folder) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case earlier.head.Origin != later.head.Origin:
		return fmt.Errorf("%w: they are of two logs", ErrFork)
	}
	both := min(earlier.head.Size, later.head.Size)
	first, err := differ(ctx, earlier, later, both)
	if err != nil {
		return err
	}
	if first < both || later.head.Size < earlier.head.Size {
		return &ForkError{Old: earlier.head.Size, New: later.head.Size, First: first}
	}
	return nil
}

// differ finds the first entry below size that differs in two trees, else size.
// It goes over the whole subtrees that make up the first size entries, and down
// into the first that differs.
func differ(ctx context.Context, a, b tlog.HashReader, size uint64) (uint64, error) {
	n := uint64(0)
	for level := 63; level >= 0; level-- {
		if size&(1<<level) == 0 {
			continue
		}
		same, err := equalHash(a, b, level, n)
		if err != nil {
			return 0, err
		}
		if same {
			n += 1 << level
			continue
		}
		for level > 0 {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			level--
			if same, err = equalHash(a, b, level, n); err != nil {
				return 0, err
			}
			if same {
				n += 1 << level
			}
		}
		return n, nil
	}
	return n, nil
}

// equalHash compares the subtree of 2^level entries that begins at entry n.
func equalHash(a, b tlog.HashReader, level int, n uint64) (bool, error) {
	index := []int64{tlog.StoredHashIndex(level, int64(n>>level))}
	one, err := a.ReadHashes(index)
	if err != nil {
		return false, err
	}
	two, err := b.ReadHashes(index)
	if err != nil {
		return false, err
	}
	return one[0] == two[0], nil
}
