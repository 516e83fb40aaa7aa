package ledger

import (
	"context"
	"sync"
)

// A log that is read beside its writer shows what was acknowledged when it was
// opened, and meanwhile the writer shreds: payloads and keys of that view go. That
// they may be gone is not believed but looked up, in what the store holds behind
// the view.

// reviewer is a store that shows a log as it was at one time.
type reviewer interface {
	// review opens the log as it is now, or nothing where the store is up to date
	// anyway. Who asked closes it.
	review() (Store, error)
}

// review implements reviewer.
func (d *dirStore) review() (Store, error) {
	if !d.readOnly {
		return nil, nil
	}
	return openDirStore(d.fs, d.path, &DirOptions{ReadOnly: true})
}

// later are the shreddings behind the view.
type later struct {
	mu       sync.Mutex
	size     uint64 // looked at up to here
	shredded map[id]bool
}

// shreddedLater reports whether one of the subjects was shredded behind the view.
// Only the holder of the tenant key can have written the entry that says so.
func (l *Log) shreddedLater(ctx context.Context, subjects ...id) (bool, error) {
	r, ok := l.store.(reviewer)
	if !ok {
		return false, nil
	}
	l.later.mu.Lock()
	defer l.later.mu.Unlock()
	known := func() bool {
		for _, s := range subjects {
			if l.later.shredded[s] {
				return true
			}
		}
		return false
	}
	if known() {
		return true, nil
	}
	store, err := r.review()
	if err != nil || store == nil {
		return false, err
	}
	defer store.Close()
	if err := l.lookLater(ctx, store); err != nil {
		return false, err
	}
	return known(), nil
}

// lookLater collects the shreddings that nobody has looked at.
func (l *Log) lookLater(ctx context.Context, store Store) error {
	head, err := store.Recover(ctx)
	if err != nil {
		return err
	}
	if l.later.shredded == nil {
		l.later.shredded, l.later.size = map[id]bool{}, l.Size()
	}
	s := l.tenant.scratch()
	defer l.tenant.done(s)
	var header []byte
	for f, err := range store.Read(ctx, l.later.size, head.Size) {
		if err != nil {
			return err
		}
		var o opened
		if what := l.tenant.open(s, &o, &f, header[:0]); what != "" {
			return corruptEntry(f.Index, what)
		}
		if shreds(string(o.raw.kind)) {
			for _, name := range o.raw.subjects {
				l.later.shredded[l.tenant.idOf(idSubject, name)] = true
			}
		}
		header, l.later.size = o.plain, f.Index+1
	}
	return nil
}
