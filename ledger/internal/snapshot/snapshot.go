// Package snapshot is a container for indexes that are kept in a file and read
// where they lie: named sections of bytes with checksums, written as a stream and
// opened from a read-only mapping.
//
// # Form
//
//	header     "csss/snapshot/v1", zeros up to byte 64
//	sections   the bytes of each in the order of their names, then zeros up to a multiple of 64
//	directory  per section: length of the name u8, name, length u64, and a CRC-32C u32
//	           of each MiB of it (the last part may be shorter)
//	trailer    length of the directory u32, CRC-32C u32 of header, directory and that length
//
// Integers are little-endian. Offsets are not stored, they follow from the lengths:
// one set of sections has one form, and anything else is refused. Names are unique.
// The directory comes last so that a writer needs to know no length beforehand. A
// section begins at a multiple of 64 bytes of a mapping that begins at a page, so it
// may be read in place with any width.
//
// Checksums find what storage does by accident. Whoever can write the file can
// make them right; what a section says is for its reader to check.
package snapshot

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	magic       = "csss/snapshot/v1"
	align       = 64
	headerSize  = align
	trailerSize = 8
	block       = 1 << 20 // bytes under one checksum

	// MaxName is the largest length of a section's name in bytes.
	MaxName = 64
	// MaxSections is the largest number of sections.
	MaxSections = 256
)

// ErrCorrupt is wrapped by all errors of [Open].
var ErrCorrupt = errors.New("snapshot: corrupt")

// ErrSections is wrapped by the errors of [Write] about what it was asked to write.
var ErrSections = errors.New("snapshot: sections cannot be written")

// Section is one part of a snapshot.
type Section struct {
	Name  string                // 1…[MaxName] bytes
	Write func(io.Writer) error // writes its bytes; called once
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write writes a snapshot of these sections, in the order of their names, through
// a buffer of 64 KiB. It needs a few bytes of memory per MiB. Errors: [ErrSections],
// those of the sections, and those of w.
func Write(w io.Writer, sections ...Section) error {
	sections = slices.SortedFunc(slices.Values(sections), func(a, b Section) int { return cmp.Compare(a.Name, b.Name) })
	if err := check(sections); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	header := header()
	if _, err := out.Write(header[:]); err != nil {
		return err
	}
	var dir []byte
	for _, s := range sections {
		sum := summer{w: out}
		if err := s.Write(&sum); err != nil {
			return err
		}
		if _, err := out.Write(make([]byte, padding(sum.n))); err != nil {
			return err
		}
		dir = append(dir, byte(len(s.Name)))
		dir = append(dir, s.Name...)
		dir = binary.LittleEndian.AppendUint64(dir, sum.n)
		for _, crc := range sum.done() {
			dir = binary.LittleEndian.AppendUint32(dir, crc)
		}
	}
	if uint64(len(dir)) > 1<<31 {
		return fmt.Errorf("%w: directory of %d bytes", ErrSections, len(dir))
	}
	dir = binary.LittleEndian.AppendUint32(dir, uint32(len(dir)))
	dir = binary.LittleEndian.AppendUint32(dir, directorySum(header, dir))
	if _, err := out.Write(dir); err != nil {
		return err
	}
	return out.Flush()
}

func check(sorted []Section) error {
	if len(sorted) > MaxSections {
		return fmt.Errorf("%w: %d of them, at most %d", ErrSections, len(sorted), MaxSections)
	}
	for i, s := range sorted {
		if s.Name == "" || len(s.Name) > MaxName {
			return fmt.Errorf("%w: name of %d bytes, at most %d", ErrSections, len(s.Name), MaxName)
		}
		if i > 0 && sorted[i-1].Name == s.Name {
			return fmt.Errorf("%w: two are named %q", ErrSections, s.Name)
		}
	}
	return nil
}

func header() (h [headerSize]byte) {
	copy(h[:], magic)
	return h
}

// directorySum returns the checksum of a header, a directory and its length.
func directorySum(header [headerSize]byte, dir []byte) uint32 {
	return crc32.Update(crc32.Checksum(header[:], castagnoli), castagnoli, dir)
}

// padding returns how many zeros follow n bytes.
func padding(n uint64) uint64 { return -n % align }

// summer passes bytes on and keeps the checksum of each block of them.
type summer struct {
	w    io.Writer
	n    uint64
	sums []uint32
	crc  uint32 // of the block begun
}

func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	for p = p[:n]; len(p) > 0; {
		k := min(uint64(len(p)), block-s.n%block)
		s.crc = crc32.Update(s.crc, castagnoli, p[:k])
		s.n += k
		p = p[k:]
		if s.n%block == 0 {
			s.sums, s.crc = append(s.sums, s.crc), 0
		}
	}
	return n, err
}

func (s *summer) done() []uint32 {
	if s.n%block != 0 {
		return append(s.sums, s.crc)
	}
	return s.sums
}

// Open returns the sections of the snapshot in b, by name. They are parts of b,
// which must not change while they are used. It verifies every checksum, on
// GOMAXPROCS goroutines that have ended when it returns, and allocates a few
// hundred bytes per section. The error wraps [ErrCorrupt] and names the section.
func Open(b []byte) (map[string][]byte, error) {
	dir, data, err := directory(b)
	if err != nil {
		return nil, err
	}
	var parts []part
	for last := ""; len(dir) > 0; {
		var p part
		if p, dir, data, err = next(dir, data); err != nil {
			return nil, err
		}
		if p.name <= last || len(parts) == MaxSections {
			return nil, fmt.Errorf("%w: section %q is out of order", ErrCorrupt, p.name)
		}
		parts, last = append(parts, p), p.name
	}
	if len(data) > 0 {
		return nil, fmt.Errorf("%w: %d bytes belong to no section", ErrCorrupt, len(data))
	}
	if err := verify(parts); err != nil {
		return nil, err
	}
	sections := make(map[string][]byte, len(parts))
	for _, p := range parts {
		sections[p.name] = p.data
	}
	return sections, nil
}

// part is a section as it lies in the file.
type part struct {
	name string
	data []byte
	sums []byte // a u32 per block
}

// directory checks both ends of a snapshot and returns the directory and the
// bytes between header and directory.
func directory(b []byte) (dir, data []byte, err error) {
	if len(b) < headerSize+trailerSize || [headerSize]byte(b) != header() {
		return nil, nil, fmt.Errorf("%w: no header", ErrCorrupt)
	}
	rest, crc := b[headerSize:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	n := uint64(binary.LittleEndian.Uint32(rest[len(rest)-4:]))
	if n > uint64(len(rest)-4) {
		return nil, nil, fmt.Errorf("%w: directory of %d bytes in %d", ErrCorrupt, n, len(rest))
	}
	at := uint64(len(rest)-4) - n
	if directorySum(header(), rest[at:]) != crc {
		return nil, nil, fmt.Errorf("%w: checksum of the directory", ErrCorrupt)
	}
	return rest[at : len(rest)-4], rest[:at], nil
}

// next takes the first section off a directory and the data.
func next(dir, data []byte) (p part, _, _ []byte, err error) {
	name := uint64(dir[0])
	if name == 0 || name > MaxName || uint64(len(dir)) < 1+name+8 {
		return p, nil, nil, fmt.Errorf("%w: name of a section", ErrCorrupt)
	}
	p.name, dir = string(dir[1:1+name]), dir[1+name:]
	n := binary.LittleEndian.Uint64(dir)
	dir = dir[8:]
	if n > uint64(len(data)) || n+padding(n) > uint64(len(data)) {
		return p, nil, nil, fmt.Errorf("%w: section %q has %d bytes of %d", ErrCorrupt, p.name, n, len(data))
	}
	sums := (n + block - 1) / block * 4
	if sums > uint64(len(dir)) {
		return p, nil, nil, fmt.Errorf("%w: checksums of section %q", ErrCorrupt, p.name)
	}
	p.data, p.sums = data[:n:n], dir[:sums]
	for _, x := range data[n : n+padding(n)] {
		if x != 0 {
			return p, nil, nil, fmt.Errorf("%w: padding of section %q", ErrCorrupt, p.name)
		}
	}
	return p, dir[sums:], data[n+padding(n):], nil
}

// verify compares the checksums of all blocks.
func verify(parts []part) error {
	total := 0
	for _, p := range parts {
		total += len(p.sums) / 4
	}
	var taken atomic.Int64
	var bad atomic.Pointer[part]
	work := func() {
		at, first := 0, 0 // the part, and the number of its first block
		for i := int(taken.Add(1)) - 1; i < total && bad.Load() == nil; i = int(taken.Add(1)) - 1 {
			for i-first >= len(parts[at].sums)/4 {
				first += len(parts[at].sums) / 4
				at++
			}
			if !parts[at].matches(i - first) {
				bad.Store(&parts[at])
			}
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), total) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	if p := bad.Load(); p != nil {
		return fmt.Errorf("%w: checksum of section %q", ErrCorrupt, p.name)
	}
	return nil
}

// matches reports whether block i has its checksum.
func (p *part) matches(i int) bool {
	data := p.data[i*block:]
	return crc32.Checksum(data[:min(block, len(data))], castagnoli) == binary.LittleEndian.Uint32(p.sums[4*i:])
}
