package expr

import (
	"regexp"

	"cel.dev/cel-go/cel"
)

// op is what an instruction does. The names begin with the type of the result: t truth, n number, s text, d double,
// i instant, l list.
type op uint8

// Instructions. A leaf reads one or two slots and constants and has no operands.
const (
	tConst op = iota // truth num

	// Leaves: they need their slots, and are then true or false. want turns the answer round.
	tBool      // bool at == want
	tStrEq     // string at == str
	tStrNe     //
	tStrRel    // string at rel str
	tStrIn     // string at in lists[num]
	tStrHas    // string at contains str
	tStrPrefix // string at begins with str
	tStrSuffix // string at ends with str
	tStrMatch  // string at matches regexps[num]
	tListHas   // list at has str
	tListSlot  // list left has string at
	tNumEq     // number at == num; ints, durations
	tNumNe     //
	tNumLt     //
	tNumLe     //
	tNumGt     //
	tNumGe     //
	tNumIn     // number at in numbers[num]
	tTimeRel   // instant at rel instants[num]
	tDblRel    // double at rel num as bits
	tStrSlots  // string at rel string left
	tNumSlots  // number at rel number left
	tTimeSlots // instant at rel instant left

	tPresent // slot is there == want

	// Compounds: left and right are instructions, kids stand in code.kids.
	tAnd    // kids
	tOr     // kids
	tNot    // left
	tIf     // kids: condition, then, else
	tNum    // number left rel number right
	tStr    // text
	tDbl    // double
	tTime   // instant
	tTruth  // truth left rel truth right; rel is == or !=
	tIn     // text left in list right
	tInNum  // number left in numbers[right]
	tHas    // text left contains text right
	tPrefix // text left begins with text right
	tSuffix // text left ends with text right
	tMatch  // text left matches regexps[right]
	tAll    // predicate right of every item of list left; the item is local number at
	tExists //
	tOne    // exists_one
	tCel    // programs[num]

	nConst // num
	nSlot  // number at
	nAdd   // left, right
	nSub   //
	nMul   //
	nDiv   //
	nMod   //
	nNeg   // left
	nIf    // kids
	nSize  // characters of text left
	nLen   // items of list left
	nField // field at of instant left, in zone right
	nPart  // unit at of duration left
	nSince // instant left - instant right
	nTrunc // int(double left)
	nUnix  // int(instant left)

	sConst // str
	sSlot  // string at
	sLocal // item of loop at
	sIf    // kids

	dConst // num as bits
	dSlot  // double at
	dAdd   // left, right
	dSub   //
	dMul   //
	dDiv   //
	dNeg   // left
	dIf    // kids
	dInt   // double(number left)

	iConst // instants[num]
	iSlot  // instant at
	iAdd   // instant left + duration right
	iAddTo // duration left + instant right
	iSub   // instant left - duration right
	iIf    // kids

	lConst // lists[num]
	lSlot  // list at
)

const lastLeaf = tTimeSlots

// rel is a set of orders that make a comparison true.
type rel uint8

const (
	less    rel = 1
	equal   rel = 2
	greater rel = 4
)

// of reports whether the outcome of a three-way comparison is in the set.
func (r rel) of(c int) bool {
	switch {
	case c < 0:
		return r&less != 0
	case c > 0:
		return r&greater != 0
	}
	return r&equal != 0
}

// ofDoubles reports whether the order of two doubles is in the set. Every comparison with NaN is false but !=.
func (r rel) ofDoubles(a, b float64) bool {
	switch {
	case a < b:
		return r&less != 0
	case a > b:
		return r&greater != 0
	case a == b:
		return r&equal != 0
	}
	return r == less|greater
}

// flip is the relation with its operands exchanged.
func (r rel) flip() rel { return r&equal | r&less<<2 | r&greater>>2 }

// instr is one instruction, 32 bytes. Constants stand inside it, so that a condition is read in one go.
type instr struct {
	op   op
	rel  rel
	want bool
	slot Slot   // for presence
	at   uint16 // place in the frame's array
	num  int64  // a number, or two indexes; of the second of two slots, its place and itself
	str  string
}

// pair puts two indexes in num.
func pair(left, right int32) int64 { return int64(left)<<32 | int64(uint32(right)) }

func (i *instr) left() int32  { return int32(i.num >> 32) }
func (i *instr) right() int32 { return int32(i.num) }

// slot2 is the second slot of a leaf that reads two, with its place on the left.
func (i *instr) slot2() Slot { return Slot(i.right()) }

// shape is what conditions that differ in literals alone have in common. It is immutable.
type shape struct {
	compiler *Compiler
	quick    int32   // the first instructions are that many leaf conjuncts
	rest     []int32 // the other conjuncts
	need     []uint64
	kids     []int32
	regexps  []*regexp.Regexp
	programs []cel.Program

	conjuncts []conjunct // in the order of the text
	reads     []Slot
	tainted   bool
	utc       bool // a field of an instant is read that names no zone
	cost      uint64

	shared bool   // other literals may take the places of the text's own
	binds  []bind // which are these
}

// conjunct is one operand of the condition's top-level &&.
type conjunct struct {
	at      int32 // its instruction
	reads   []Slot
	tainted bool
	cel     bool
}

// code is the part of a condition that is its own.
type code struct {
	ins      []instr
	lists    [][]string
	numbers  [][]int64
	instants []instant
}

func (i *instr) isLeaf() bool { return i.op > tConst && i.op <= lastLeaf }

// twoSlots is true of leaves that read two slots.
func (i *instr) twoSlots() bool { return i.op >= tStrSlots && i.op <= lastLeaf || i.op == tListSlot }
