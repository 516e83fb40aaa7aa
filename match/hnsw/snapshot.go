package hnsw

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"reflect"
)

// A snapshot is a file of these parts, all numbers little-endian:
//
//	header    512 bytes: magic, version, parameters, counts, section table; its CRC32C is its last word
//	sections  in the order below; the big ones begin at multiples of 4,096, the others of 64, zeros between
//	sums      the CRC32C of each block of 1 MiB of each section in turn, with the zeros that follow it;
//	          the header has the CRC32C of them all
//
// Nothing in it depends on when or where it was written: the same calls give the
// same bytes.
const (
	magic           = "CSSSHNSW"
	snapshotVersion = 2
	headerBytes     = 512
	blockBytes      = 1 << 20
	pageBytes       = 4096
)

// The sections.
const (
	keySection    = iota // by slot: 4 or 8 bytes; or the end of each string, 8 bytes, then the strings; nothing where keys are row numbers
	nodeSection          // by slot: parent, place of the upper lists (4 bytes each), state, level, children, zero
	upperSection         // lists above level 0
	unusedSection        // free slots, 4 bytes each
	spareSection         // for each level: how many places are free, then the places, 4 bytes each
	meanSection          // of the rows; 4·dim bytes, or nothing without codes
	axesSection          // of the codes, 4·dim bytes each; nothing where they are the components
	apartSection         // by slot: scale and norm of the code, if it leaves no room behind itself
	heldSection          // a bit for each chunk of rows, then of codes: whether it is in the file
	level0Section        // lists of level 0
	codeSection          // codes, each with its scale and norm in the last 8 bytes of its stride
	rowSection           // rows
	sections
)

var sectionNames = [sections]string{"keys", "nodes", "upper", "unused", "spare", "mean", "axes", "apart", "held", "level0", "codes", "rows"}

const nodeBytes = 12

// big reports whether a section grows with rows and is read where it lies.
func big(section int) bool { return section >= level0Section }

func checksum(b []byte) uint32 { return extendChecksum(0, b) }

func extendChecksum(crc uint32, b []byte) uint32 {
	return crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), b)
}

// Key kinds.
const (
	uint32Keys = 1 + iota
	uint64Keys
	stringKeys
)

func keyKind[K Key]() byte {
	switch reflect.TypeFor[K]().Kind() {
	case reflect.Uint32:
		return uint32Keys
	case reflect.Uint64:
		return uint64Keys
	}
	return stringKeys
}

// A header says everything about a snapshot that its sections do not.
type header struct {
	keys    byte
	dim     int
	options Options
	compact bool
	good    bool

	slots, live, ready, uppers, cursor int
	entry, root                        uint32
	top                                int
	training                           training
	astray                             int
	width                              int // of a code; 0 without codes
	meanNorm, scale, length, rest      float32

	at, size [sections]int // where each section is
	sums     int           // where the sums are
	end      int           // of the file
	sumsCRC  uint32
}

// Bits of the header's flags.
const (
	flagNumbers = 1 << iota
	flagCompact
	flagGood
)

// A fields reads or writes numbers one after another.
type fields struct {
	b     []byte
	write bool
}

func field32[T ~int | ~uint8 | ~uint32](f *fields, v *T) {
	if f.write {
		binary.LittleEndian.PutUint32(f.b, uint32(*v))
	} else {
		*v = T(binary.LittleEndian.Uint32(f.b))
	}
	f.b = f.b[4:]
}

func (f *fields) long(v *int) {
	u := uint64(*v)
	f.long64(&u)
	*v = int(min(u, math.MaxInt))
}

func (f *fields) long64(v *uint64) {
	if f.write {
		binary.LittleEndian.PutUint64(f.b, *v)
	} else {
		*v = binary.LittleEndian.Uint64(f.b)
	}
	f.b = f.b[8:]
}

func (f *fields) float(v *float32) {
	bits := math.Float32bits(*v)
	field32(f, &bits)
	*v = math.Float32frombits(bits)
}

// each gives every field of the header to f, in the order of the file.
func (h *header) each(f *fields) {
	flags := uint32(0)
	for i, set := range []bool{h.options.RowNumbers, h.compact, h.good} {
		if set {
			flags |= 1 << i
		}
	}
	field32(f, &h.keys)
	field32(f, &flags)
	h.options.RowNumbers, h.compact, h.good = flags&flagNumbers != 0, flags&flagCompact != 0, flags&flagGood != 0
	field32(f, &h.dim)
	field32(f, &h.options.Metric)
	field32(f, &h.options.Mode)
	field32(f, &h.options.M)
	field32(f, &h.options.EfConstruction)
	field32(f, &h.options.ExactBelow)
	f.long64(&h.options.Seed)
	for _, n := range []*int{&h.slots, &h.live, &h.ready, &h.uppers, &h.cursor, &h.top, &h.width} {
		field32(f, n)
	}
	field32(f, &h.entry)
	field32(f, &h.root)
	f.long(&h.training.next)
	f.long(&h.training.odd)
	f.long(&h.astray)
	for _, v := range []*float32{&h.meanNorm, &h.scale, &h.length, &h.rest} {
		f.float(v)
	}
	field32(f, &h.sumsCRC)
	for i := range sections {
		f.long(&h.at[i])
		f.long(&h.size[i])
	}
	f.long(&h.sums)
	f.long(&h.end)
}

// encode returns the header as it is in the file.
func (h *header) encode() []byte {
	b := make([]byte, headerBytes)
	copy(b, magic)
	f := fields{b[len(magic):], true}
	version := uint32(snapshotVersion)
	field32(&f, &version)
	h.each(&f)
	binary.LittleEndian.PutUint32(b[headerBytes-4:], checksum(b[:headerBytes-4]))
	return b
}

// place lays the sections out.
func (h *header) place() {
	at := headerBytes
	for i, size := range h.size {
		step := 64
		if big(i) {
			step = pageBytes
		}
		at = (at + step - 1) / step * step
		h.at[i] = at
		at += size
	}
	h.sums = (at + 63) / 64 * 64
	h.end = h.sums
	for i := range sections {
		h.end += 4 * blocks(h.until(i)-h.at[i])
	}
}

// until is where what follows a section begins.
func (h *header) until(section int) int {
	if section+1 < sections {
		return h.at[section+1]
	}
	return h.sums
}

func blocks(size int) int { return (size + blockBytes - 1) / blockBytes }

// blank returns the empty graph that the header's parameters make.
func (h *header) blank() *graph {
	g := newGraph(h.dim, h.options)
	if g.codes.mean != nil {
		g.codes = newCodes(h.dim, h.width)
	}
	return g
}

// along reports whether codes are taken along axes.
func (h *header) along() bool { return h.width != 0 && h.width != h.dim }

// heldBytes is how long the bits of the tables are of which not all chunks are held.
func (g *graph) heldBytes(slots int) (rows, codes int) {
	if !g.compact {
		rows = (g.rows.ChunksOf(slots) + 7) / 8
	}
	if g.codes.mean != nil {
		codes = (g.codes.rows.ChunksOf(slots) + 7) / 8
	}
	return rows, codes
}
