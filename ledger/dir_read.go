package ledger

import (
	"context"
	"iter"
	"sort"
	"sync"
)

// Read implements [Store]. A single entry costs one read of its bytes, a range
// one read per MiB. Any number of readers go on beside the writer.
func (d *dirStore) Read(ctx context.Context, from, to uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		if from >= to {
			return
		}
		buf := chunks.Get().(*[]byte)
		defer chunks.Put(buf)
		for from < to {
			c, err := d.chunk(ctx, from, to, buf)
			if err != nil {
				yield(Frame{}, err)
				return
			}
			for i := range c.count {
				f, err := c.frame(i)
				if !yield(f, err) || err != nil {
					return
				}
			}
			from += c.count
		}
	}
}

// chunks are the buffers of readers.
var chunks = sync.Pool{New: func() any { return new([]byte) }}

// dirChunk is the bytes of some entries of one segment.
type dirChunk struct {
	seg     *segment
	first   uint64 // index of the first entry
	count   uint64
	offsets []uint32 // of the entries
	b       []byte
}

// chunk reads entries from index from on: those before to that lie in one
// segment and in one MiB, but at least one.
func (d *dirStore) chunk(ctx context.Context, from, to uint64, buf *[]byte) (dirChunk, error) {
	if err := ctx.Err(); err != nil {
		return dirChunk{}, err
	}
	d.files.RLock()
	defer d.files.RUnlock()
	if d.state.Load() != dirOpen {
		return dirChunk{}, ErrClosed
	}
	c, end, err := d.locate(from, to)
	if err != nil {
		return dirChunk{}, err
	}
	start := int64(c.offsets[0])
	if c.count == 1 {
		end = min(end, start+maxRecord+4)
	}
	n := int(end - start)
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	c.b = (*buf)[:n]
	have, err := c.seg.f.ReadAt(c.b, start)
	if err := eofIsFine(err); err != nil {
		return dirChunk{}, err
	}
	c.b = c.b[:have]
	return c, nil
}

// locate finds the entries of a chunk and where they end.
func (d *dirStore) locate(from, to uint64) (c dirChunk, end int64, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if from >= d.last.head.Size {
		return c, 0, &RangeError{Field: "index", Value: from, Limit: d.last.head.Size}
	}
	i := sort.Search(len(d.segments), func(i int) bool { return d.segments[i].first > from }) - 1
	s := d.segments[i]
	k := from - s.first
	most := min(to-from, uint64(len(s.offsets))-k)
	start := int64(s.offsets[k])
	more := sort.Search(int(most-1), func(i int) bool {
		_, end := s.place(from + uint64(i) + 1)
		return end-start > readAhead
	})
	c = dirChunk{seg: s, first: from, count: uint64(more) + 1, offsets: s.offsets[k : k+uint64(more)+1]}
	_, end = s.place(from + uint64(more))
	return c, end, nil
}

// frame cuts entry i out of a chunk.
func (c *dirChunk) frame(i uint64) (Frame, error) {
	offset := int64(c.offsets[i])
	at := offset - int64(c.offsets[0])
	var r record
	if at > int64(len(c.b)) || r.parse(c.b[at:], c.seg.salt, offset) != parsedWhole || r.kind != recordEntry {
		return Frame{}, c.seg.damage(c.first+i, offset, "frame")
	}
	f, what := r.frame(c.first + i)
	if what != "" {
		return Frame{}, c.seg.damage(c.first+i, offset, what)
	}
	return f, nil
}
