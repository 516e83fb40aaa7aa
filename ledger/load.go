package ledger

import (
	"context"
	"errors"
	"slices"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// load brings the state to the store's head: from the snapshot, where there is
// one that holds, and from the frames behind it.
func (l *Log) load(ctx context.Context, head Head) error {
	f := l.loadSnapshot(head)
	if f != nil {
		if err := l.follows(ctx, f, head); err != nil {
			if asCorrupt(err) == nil {
				return err
			}
			f = nil // the snapshot or the frames: see without it
		}
	}
	if f == nil {
		l.snapped = 0
		if err := l.release(); err != nil {
			return err
		}
		f = &folding{state: &state{}, tree: &merkle.Tree{}}
		if err := l.follows(ctx, f, head); err != nil {
			return err
		}
	}
	l.mu.Lock()
	l.state, l.tree = f.state, *f.tree
	l.next, l.lastTime = head.Size, f.state.last
	l.mu.Unlock()
	return l.finishShreddings(ctx, f)
}

// follows folds what the store holds behind the folding, and compares with the
// store's head.
func (l *Log) follows(ctx context.Context, f *folding, head Head) error {
	if err := l.foldUpTo(ctx, f, head.Size); err != nil {
		return err
	}
	f.state.view = f.tree.View()
	if f.state.view.Size() != head.Size || f.state.view.Root() != head.Root {
		return corrupt("entries do not lead to the root of the store's head")
	}
	return nil
}

func (l *Log) foldUpTo(ctx context.Context, f *folding, to uint64) error {
	s := sweep{log: l, fold: f, index: true, report: firstFault}
	return s.run(ctx, f.tree.Size(), to)
}

// firstFault ends a sweep at the first entry that does not hold.
func firstFault(c *chunk) error {
	for i, what := range c.what {
		if what != "" {
			return corruptEntry(c.first+uint64(i), what)
		}
	}
	return nil
}

// finishShreddings destroys what a crash in the middle of a shredding has left.
// Who may only read leaves that to who may write: those entries read as erased
// all the same.
func (l *Log) finishShreddings(ctx context.Context, f *folding) error {
	err := l.destroyRest(ctx, f)
	if errors.Is(err, ErrReadOnly) {
		l.shredding(1)
		return nil
	}
	return err
}

func (l *Log) destroyRest(ctx context.Context, f *folding) error {
	var names []string
	for _, s := range f.shreds {
		names = append(names, l.tenant.subjectSecret(s.subject))
	}
	stale := f.unerased(l.state, &l.tenant)
	f.shreds, f.whole = nil, nil
	if len(names) > 0 {
		if err := l.store.DeleteSecrets(ctx, names...); err != nil {
			return err
		}
	}
	if len(stale) == 0 {
		return nil
	}
	return l.store.Erase(ctx, stale)
}

// unerased returns the entries whose ciphertexts the shreddings that were met
// should have erased and, as far as was looked, did not.
func (f *folding) unerased(s *state, t *tenant) (stale []uint64) {
	for _, shred := range f.shreds {
		if shred.keepBlobs {
			continue
		}
		for _, n := range s.sealedFor(t.id(idSubject, shred.subject)) {
			if _, whole := slices.BinarySearch(f.whole, uint32(n)); whole || n < f.since {
				stale = append(stale, n)
			}
		}
	}
	slices.Sort(stale)
	return slices.Compact(stale)
}

// catchUp takes in what other logs have written. It needs the token, and returns
// whether there was something.
func (l *Log) catchUp(ctx context.Context) (moved bool, err error) {
	head, err := l.follow.Head(ctx)
	if err != nil {
		return false, err
	}
	size := l.tree.Size()
	if head.Size == size {
		return false, nil
	}
	if head.Size < size {
		return false, l.poison(corrupt("store lost entries that were there"))
	}
	f := &folding{state: l.state, tree: &l.tree}
	sc := l.tenant.scratch()
	defer l.tenant.done(sc)
	s := sweep{log: l, index: true}
	s.report = func(c *chunk) error { return l.takeIn(&s, f, c, sc) }
	if err := s.run(ctx, size, head.Size); err != nil {
		if asCorrupt(err) != nil {
			err = l.poison(err)
		}
		return false, err
	}
	if l.tree.Size() == head.Size && l.tree.View().Root() != head.Root {
		return false, l.poison(corrupt("entries do not lead to the root of the store's head"))
	}
	for _, s := range f.shreds {
		l.subjects.drop(s.subject)
	}
	return true, nil
}

// takeIn folds a chunk of another log's entries into the state that readers see.
func (l *Log) takeIn(s *sweep, f *folding, c *chunk, sc *scratch) error {
	if err := firstFault(c); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f.chunk(s, c)
	s.follow(c, sc)
	l.state.view = f.tree.View()
	l.next, l.lastTime = l.tree.Size(), l.state.last
	l.grown()
	return firstFault(c)
}
