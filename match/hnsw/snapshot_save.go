package hnsw

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/deeperpoint/csss/internal/simd"
)

// Save writes the index to a file, which [Load] and [Open] read: its rows,
// links, keys and all that later calls depend on. Saved, loaded and changed, an
// index is the same to the byte as one that was never saved. Writers wait
// meanwhile, searches do not. Save costs the writing of [Stats].VectorBytes,
// CodeBytes and LinkBytes, and no more than a few megabytes of memory besides
// what links above level 0 and keys take.
//
// The file is written under another name in the same directory and then renamed:
// whoever opens path, at any time and after a crash, finds what was there before
// or the whole new snapshot. When Save returns nil, the new one is on the disk.
//
// Errors: those of the file system; then what was at path is still there, but
// for an error that comes after the renaming. [ErrVersion] on a processor whose
// words begin with their highest byte; those of [Index.Verify].
func (x *Index[K]) Save(path string) error {
	x.writer.Lock()
	defer x.writer.Unlock()
	if err := x.usable(); err != nil {
		return err
	}
	own := x.log != nil && samePlace(path, x.path)
	id, err := x.save(path)
	if !own {
		return err
	}
	if err != nil { // the old snapshot may be gone, and what its log is told with it
		x.log.err = err
		return err
	}
	return x.renewLog(id)
}

// samePlace reports whether a file renamed to one path is at the other.
func samePlace(a, b string) bool {
	inA, errA := os.Lstat(a)
	inB, errB := os.Lstat(b)
	return filepath.Clean(a) == filepath.Clean(b) || errA == nil && errB == nil && os.SameFile(inA, inB)
}

// renewLog begins the log of a snapshot that has taken the place of the last.
func (x *Index[K]) renewLog(snapshot uint64) error {
	l, err := newLog(x.log.path, snapshot)
	if err != nil {
		x.log.err = fmt.Errorf("hnsw: log: %w", err)
		return x.log.err
	}
	_ = x.log.f.Close() // the snapshot has what was in it
	x.log = l
	return nil
}

func (x *Index[K]) save(path string) (id uint64, err error) {
	if !littleEndian() {
		return 0, fmt.Errorf("hnsw: %w: byte order of this processor", ErrVersion)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return 0, fmt.Errorf("hnsw: save: %w", err)
	}
	if id, err = x.writeTo(f); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is of no use, and the error is told
		return 0, fmt.Errorf("hnsw: save: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return 0, fmt.Errorf("hnsw: save: %w", err)
	}
	return id, nil
}

func littleEndian() bool {
	one := uint32(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}

// writeTo writes the snapshot from the beginning of the file. The header comes
// last, so that half a file is none.
func (x *Index[K]) writeTo(f *os.File) (id uint64, err error) {
	h := x.header()
	pieces := x.pieces()
	for i, section := range pieces {
		for b := range section {
			h.size[i] += len(b)
		}
	}
	h.place()
	if _, err := f.Seek(headerBytes, io.SeekStart); err != nil {
		return 0, err
	}
	w := blockWriter{w: f, at: headerBytes}
	for i, section := range pieces {
		if err := w.zeros(h.at[i] - w.at); err != nil {
			return 0, err
		}
		w.endBlock() // the zeros are the section's before
		for b := range section {
			if err := w.write(b); err != nil {
				return 0, err
			}
		}
	}
	if err := w.zeros(h.sums - w.at); err != nil {
		return 0, err
	}
	w.endBlock()
	h.sumsCRC = checksum(w.sums)
	if _, err := f.Write(w.sums); err != nil {
		return 0, err
	}
	head := h.encode()
	_, err = f.WriteAt(head, 0)
	return identity(head, h.sumsCRC), err
}

// A blockWriter sums what it writes.
type blockWriter struct {
	w    io.Writer
	at   int
	n    int // bytes of the block
	crc  uint32
	sums []byte
}

func (w *blockWriter) write(b []byte) error {
	for len(b) > 0 {
		part := b[:min(len(b), blockBytes-w.n)]
		if _, err := w.w.Write(part); err != nil {
			return err
		}
		w.crc = extendChecksum(w.crc, part)
		w.at += len(part)
		if w.n += len(part); w.n == blockBytes {
			w.endBlock()
		}
		b = b[len(part):]
	}
	return nil
}

func (w *blockWriter) zeros(n int) error { return w.write(make([]byte, n)) }

func (w *blockWriter) endBlock() {
	if w.n > 0 {
		w.sums = binary.LittleEndian.AppendUint32(w.sums, w.crc)
	}
	w.n, w.crc = 0, 0
}

func (x *Index[K]) header() header {
	g := x.g
	return header{keys: keyKind[K](), dim: g.dim, options: g.Options, compact: g.compact, good: g.codes.good,
		slots: g.slots, live: g.live, ready: g.ready, uppers: g.uppers, cursor: g.cursor,
		entry: g.entry, root: g.root, top: g.top, training: g.training,
		width: g.codes.width, meanNorm: g.codes.meanNorm, scale: g.codes.scale, length: g.codes.length, rest: g.codes.rest, astray: g.codes.astray}
}

// pieces returns the bytes of each section, in order.
func (x *Index[K]) pieces() (p [sections]iter.Seq[[]byte]) {
	g := x.g
	p[keySection] = whole(x.keys.encode(g.slots))
	p[nodeSection] = whole(g.encodeNodes())
	p[upperSection] = chunks(&g.upper, g.uppers)
	p[unusedSection] = whole(appendWords(nil, g.unused))
	var spare []byte
	for _, places := range g.spare {
		spare = appendWords(appendWords(spare, []uint32{uint32(len(places))}), places)
	}
	p[spareSection] = whole(spare)
	p[meanSection] = whole(appendFloats(nil, g.codes.mean))
	var axes, apart []byte
	if g.codes.axes != nil {
		for a := range uint32(g.codes.width) {
			axes = appendFloats(axes, g.codes.axes.Floats(a)[:g.dim])
		}
	}
	p[axesSection] = whole(axes)
	if len(g.codes.apart.chunks) != 0 {
		for s := range uint32(g.slots) {
			side := g.codes.side(s)
			apart = appendWords(apart, []uint32{math.Float32bits(side.scale), math.Float32bits(side.norm)})
		}
	}
	p[apartSection] = whole(apart)
	p[heldSection] = whole(g.encodeHeld())
	p[level0Section] = chunks(&g.level0, g.slots)
	p[codeSection], p[rowSection] = whole(nil), whole(nil)
	if g.codes.mean != nil {
		p[codeSection] = chunks(&g.codes.rows, g.slots)
	}
	if !g.compact {
		p[rowSection] = chunks(&g.rows, g.slots)
	}
	return p
}

func whole(b []byte) iter.Seq[[]byte] { return func(yield func([]byte) bool) { yield(b) } }

func chunks(t *simd.Table, n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, b := range t.Pieces(n) {
			if !yield(b) {
				return
			}
		}
	}
}

func appendWords(b []byte, words []uint32) []byte {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func appendFloats(b []byte, floats []float32) []byte {
	for _, f := range floats {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

func (g *graph) encodeNodes() []byte {
	b := make([]byte, 0, nodeBytes*g.slots)
	for s := range uint32(g.slots) {
		n := g.nodes.at(s)
		first := uint32(0)
		if n.state == linked && n.level > 0 {
			first = *g.above.at(s)
		}
		b = appendWords(b, []uint32{n.parent, first})
		b = append(b, byte(n.state), n.level, n.kids, 0)
	}
	return b
}

func (g *graph) encodeHeld() []byte {
	rows, codes := g.heldBytes(g.slots)
	b := make([]byte, rows+codes)
	if rows > 0 {
		for at := range g.rows.Pieces(g.slots) {
			b[at/8] |= 1 << (at % 8)
		}
	}
	if codes > 0 {
		for at := range g.codes.rows.Pieces(g.slots) {
			b[rows+at/8] |= 1 << (at % 8)
		}
	}
	return b
}

// encode returns the keys of the slots below n.
func (k *keys[K]) encode(n int) (b []byte) {
	if k.numbers {
		return nil
	}
	kind := keyKind[K]()
	var text []byte
	for s := range uint32(n) {
		name := unsafe.Pointer(k.names.at(s)) // K is one of the three by another name
		switch kind {
		case uint32Keys:
			b = binary.LittleEndian.AppendUint32(b, *(*uint32)(name))
		case uint64Keys:
			b = binary.LittleEndian.AppendUint64(b, *(*uint64)(name))
		default:
			text = append(text, *(*string)(name)...)
			b = binary.LittleEndian.AppendUint64(b, uint64(len(text)))
		}
	}
	return append(b, text...)
}
