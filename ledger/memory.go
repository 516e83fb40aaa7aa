package ledger

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"
)

// memoryStore keeps everything in slices. What goes in and out is copied, so that
// Erase may wipe a payload in place.
type memoryStore struct {
	mu      sync.RWMutex
	closed  bool
	head    Head
	frames  []Frame
	secrets map[string][]byte
}

// NewMemoryStore returns an empty store that lives as long as the process. It
// may be given to [Open] again after its log was closed, as a directory may.
func NewMemoryStore() Store {
	return &memoryStore{closed: true, head: Head{Root: emptyRoot()}, secrets: map[string][]byte{}}
}

func (m *memoryStore) Recover(ctx context.Context) (Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = false
	return m.head, ctx.Err()
}

func (m *memoryStore) Commit(_ context.Context, b Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if b.First != uint64(len(m.frames)) {
		return ErrFenced
	}
	for _, s := range b.Secrets {
		if err := checkSecretName(s.Name); err != nil {
			return err
		}
	}
	m.frames = appendFrames(m.frames, b.Frames)
	for _, s := range b.Secrets {
		m.secrets[s.Name] = bytes.Clone(s.Value)
	}
	m.head = b.Head
	return nil
}

// Read copies each frame into one buffer: Erase may wipe a payload at any time.
func (m *memoryStore) Read(ctx context.Context, from, to uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		var buf []byte
		for i := from; i < to; i++ {
			f, err := m.frame(ctx, i, &buf)
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

func (m *memoryStore) frame(ctx context.Context, i uint64, buf *[]byte) (Frame, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return Frame{}, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return Frame{}, err
	}
	if n := uint64(len(m.frames)); i >= n {
		return Frame{}, &RangeError{Field: "index", Value: i, Limit: n}
	}
	f := &m.frames[i]
	*buf = slices.Grow((*buf)[:0], frameSize(f))
	return copyFrame(f, buf), nil
}

func (m *memoryStore) Erase(_ context.Context, indexes []uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	n := uint64(len(m.frames))
	for _, i := range indexes {
		if i >= n {
			return &RangeError{Field: "index", Value: i, Limit: n}
		}
		clear(m.frames[i].Payload)
		m.frames[i].Payload, m.frames[i].Erased = nil, true
	}
	return nil
}

func (m *memoryStore) Secret(_ context.Context, name string) ([]byte, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, false, ErrClosed
	}
	v, ok := m.secrets[name]
	return bytes.Clone(v), ok, nil
}

func (m *memoryStore) PutSecrets(_ context.Context, secrets map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	for name, v := range secrets {
		if err := checkSecretName(name); err != nil {
			return err
		}
		m.secrets[name] = bytes.Clone(v)
	}
	return nil
}

func (m *memoryStore) DeleteSecrets(_ context.Context, names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	for _, name := range names {
		clear(m.secrets[name])
		delete(m.secrets, name)
	}
	return nil
}

func (m *memoryStore) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// appendFrames copies the bytes of a batch's frames into one piece of memory.
func appendFrames(to, frames []Frame) []Frame {
	size := 0
	for i := range frames {
		size += frameSize(&frames[i])
	}
	arena := make([]byte, 0, size)
	to = slices.Grow(to, len(frames))
	for i := range frames {
		to = append(to, copyFrame(&frames[i], &arena))
	}
	return to
}

func frameSize(f *Frame) int { return len(f.Leaf) + len(f.Header) + len(f.Payload) }

// copyFrame copies a frame to the end of an arena with room for it.
func copyFrame(f *Frame, arena *[]byte) Frame {
	out := Frame{Index: f.Index, Erased: f.Erased}
	for _, part := range []struct {
		to   *[]byte
		from []byte
	}{{&out.Leaf, f.Leaf}, {&out.Header, f.Header}, {&out.Payload, f.Payload}} {
		if part.from != nil {
			at := len(*arena)
			*arena = append(*arena, part.from...)
			*part.to = (*arena)[at:len(*arena):len(*arena)]
		}
	}
	return out
}

func cloneFrame(f Frame) Frame {
	f.Leaf, f.Header, f.Payload = slices.Clone(f.Leaf), slices.Clone(f.Header), slices.Clone(f.Payload)
	return f
}

// checkSecretName holds the alphabet of [Store.PutSecrets].
func checkSecretName(name string) error {
	ok := name != "" && len(name) <= 100 && name[0] != '.'
	for _, c := range name {
		ok = ok && (c == '-' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z')
	}
	if !ok {
		return &InvalidError{Entry: -1, Field: "secret name", Why: "not in the alphabet a-z 0-9 - ."}
	}
	return nil
}
