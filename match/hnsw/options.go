package hnsw

import (
	"cmp"
	"strconv"
)

// Limits that [New] and the writing methods enforce.
const (
	MaxDim  = 1 << 16 // components per vector
	MaxNorm = 1e18    // Euclidean norm of a row or query; squares of differences stay finite
	maxRows = 1<<31 - 1

	maxWorkers = 1024
)

// Options are the parameters of an [Index]. Nil means all defaults.
type Options struct {
	M              int    `json:"m"`               // links per row on the upper levels; 2·M on level 0; 2 to 64; 0 means 16
	EfConstruction int    `json:"ef_construction"` // candidates kept while linking a row; 1 to 4096, raised to M; 0 means 200
	Seed           uint64 `json:"seed"`            // of the row levels; default 0
	Metric         Metric `json:"metric"`          // how far apart rows are; default Cosine
	Mode           Mode   `json:"mode"`            // what walks compare; default Int8
	RowNumbers     bool   `json:"row_numbers"`     // keys, of a uint32 kind, are row numbers counted from about 0: each is its own slot, which saves the key map and lets a [Bitmap] be used as it is
	ExactBelow     int    `json:"exact_below"`     // up to this many rows every search is an exact scan and nothing is linked; negative means always link; 0 means 10000
}

// Mode says what a walk reads of each row it meets.
type Mode uint8

// The modes. Distances of results are exact in all but the last.
const (
	Int8    Mode = iota // a code of one byte for each component; what is found is compared exactly
	Float32             // the row itself
	Compact             // the code, and rows are not kept once there are 4,096 and codes rank them well; distances are those of codes, and about half a percent off
)

// String returns "int8", "float32" or "compact", or "Mode(n)" for another value.
func (m Mode) String() string {
	switch m {
	case Int8:
		return "int8"
	case Float32:
		return "float32"
	case Compact:
		return "compact"
	}
	return "Mode(" + strconv.Itoa(int(m)) + ")"
}

const (
	defaultM              = 16
	defaultEfConstruction = 200
	defaultEf             = 64

	// defaultExactBelow costs about 1 ms per search at 384 dimensions and
	// buys recall 1.0 and free inserts.
	defaultExactBelow = 10_000
)

// withDefaults returns a copy of o with its zero fields filled in, or the
// first field out of range.
func (o *Options) withDefaults() (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	r.M = cmp.Or(r.M, defaultM)
	r.EfConstruction = cmp.Or(r.EfConstruction, defaultEfConstruction)
	r.ExactBelow = max(cmp.Or(r.ExactBelow, defaultExactBelow), 0)
	if err := inRange("Options.M", r.M, 2, 64); err != nil {
		return r, err
	}
	if err := inRange("Options.EfConstruction", r.EfConstruction, 1, 4096); err != nil {
		return r, err
	}
	if err := inRange("Options.Metric", int(r.Metric), int(Cosine), int(L2)); err != nil {
		return r, err
	}
	if err := inRange("Options.Mode", int(r.Mode), int(Int8), int(Compact)); err != nil {
		return r, err
	}
	r.EfConstruction = max(r.EfConstruction, r.M)
	return r, inRange("Options.ExactBelow", r.ExactBelow, 0, maxRows)
}

// BatchOptions say how [Index.AddBatch] works. Nil means all defaults.
type BatchOptions struct {
	Workers int // goroutines that link rows; the graph does not depend on how many; at most 1024; 0 means GOMAXPROCS

	// Progress is told how many rows of the batch are searchable, from time to
	// time and at the end, by the goroutine that called; nil means nobody is. It
	// must not write to the index.
	Progress func(rows int)
}
