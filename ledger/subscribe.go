package ledger

import (
	"context"
	"iter"
)

// Subscribe yields every entry from an index on, in order and without gaps, as
// [Log.Read] does, and then waits for more. Who remembers the last index it dealt
// with resumes behind it; what happens twice after a crash is for the reader to
// know by the index.
//
// The loop ends by an error, yielded once: the context's when that ends,
// [ErrClosed] after [Log.Close], and those of [Log.Read]. It costs nothing while
// it waits and may be left at any time.
func (l *Log) Subscribe(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		goOn := true
		r := reading{log: l, ctx: ctx, yield: func(e Entry, err error) bool {
			goOn = yield(e, err) && err == nil
			return goOn
		}}
		for next := from; ; {
			size, err := l.beyond(ctx, next)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if r.from(next, size); !goOn {
				return
			}
			next = size
		}
	}
}

// beyond waits until the log has more than size entries and returns how many.
func (l *Log) beyond(ctx context.Context, size uint64) (uint64, error) {
	for {
		if err := l.freshen(ctx); err != nil {
			return 0, err
		}
		have, grown, err := l.watching(size)
		switch {
		case err != nil:
			return 0, err
		case have > size:
			return have, nil
		case l.follow != nil:
			err = l.waitShared(ctx, size)
		default:
			select {
			case <-grown:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// watching returns the size and, if it is not above size, what is closed when it
// grows or the log closes.
func (l *Log) watching(size uint64) (uint64, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, nil, ErrClosed
	}
	have := l.state.size()
	if have > size {
		return have, nil, nil
	}
	if l.watch == nil {
		l.watch = make(chan struct{})
	}
	return have, l.watch, nil
}

// waitShared waits for the store, which several logs write.
func (l *Log) waitShared(ctx context.Context, size uint64) error {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(l.life, stop)()
	err := l.follow.Wait(waiting, size)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case l.life.Err() != nil:
		return ErrClosed
	}
	return err
}
