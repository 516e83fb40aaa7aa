// Package solve tells whether conditions over typed attributes can come to wanted truth values together.
//
// It is the small, one-sided relative of an SMT solver that the analysis of rule documents needs. Conditions are trees of
// [Node] with the four values of the rule language: true, false, and the two undefined ones, error and unknown, which are
// one here. [Possible] answers false only with a proof that no request whatsoever gives each condition its wanted value;
// true means that there is such a request, or that none was ruled out. Constraints of one attribute are decided exactly
// (intervals of discrete numbers, sets of texts, memberships of lists, presence); of two attributes only that they are
// compared with each other; anything else is opaque, and known by its text alone.
//
// Everything is pure and bounded by a budget. Trees are read only, and may be shared by goroutines.
package solve

import (
	"slices"
	"strings"
)

// Op is what a node does.
type Op uint8

// The operations.
const (
	Opaque  Op = iota // anything not understood; Text is its identity, Strict whether it is undefined as soon as an attribute is
	Const             // Yes is its value
	And               // of Kids
	Or                // of Kids
	Not               // of Kids[0]
	If                // Kids[0] ? Kids[1] : Kids[2]
	Present           // whether Slot is there
	Truth             // the bool attribute Slot
	Between           // the number of Slot lies in Ranges
	Among             // the text of Slot is one of Words
	Text              // the text of Slot satisfies Test
	Holds             // the list of Slot contains Words[0]
	Compare           // the order of Slot and Other is one of Order

	presence // whether Slot is in one of the states of there
)

// Orders that two attributes may have.
const (
	Less    uint8 = 1 << iota // Slot < Other
	Equal                     // Slot == Other
	Greater                   // Slot > Other
)

// Node is a condition or a part of it. Which fields count depends on Op.
type Node struct {
	Op     Op
	Kids   []*Node
	Slot   string   // an attribute
	Other  string   // a second attribute
	Order  uint8    // set of Less, Equal, Greater
	Yes    bool     // value of a Const
	Strict bool     // an Opaque is undefined when one of Reads is not there
	Own    bool     // the atom is about a field of the request itself: defined whether or not the attribute is released
	Ranges []Range  // ascending, apart from each other
	Scale  Scale    // of Ranges
	Words  []string // sorted
	Reads  []string // attributes of an Opaque
	Test   Test     // of a Text
	Text   string   // identity of an Opaque

	there here
}

// Test is a property of texts.
type Test struct {
	Kind TestKind
	Arg  string
	Func func(string) bool // of a Property
}

// TestKind says what a [Test] looks for.
type TestKind uint8

// The tests.
const (
	Property TestKind = iota // Func; Arg is its identity
	Prefix                   // begins with Arg
	Suffix                   // ends with Arg
	Contains                 // contains Arg
	Under                    // is Arg or, by dotted segment, below it
)

// Holds reports whether a text has the property.
func (t Test) Holds(s string) bool {
	switch t.Kind {
	case Prefix:
		return strings.HasPrefix(s, t.Arg)
	case Suffix:
		return strings.HasSuffix(s, t.Arg)
	case Contains:
		return strings.Contains(s, t.Arg)
	case Under:
		return strings.HasPrefix(s, t.Arg) && (len(s) == len(t.Arg) || s[len(t.Arg)] == '.')
	}
	return t.Func(s)
}

// Want is a set of wanted values.
type Want uint8

// What can be wanted of a condition.
const (
	True     Want = iota // true
	False                // false
	NotTrue              // false or undefined
	NotFalse             // true or undefined
)

// Goal is a condition with what is wanted of it.
type Goal struct {
	Node *Node
	Want Want
}

// Budget counts down the steps that proofs may take. When it is used up, everything is possible. Share one between calls
// to bound them together.
type Budget int

func (b *Budget) spend() bool {
	*b--
	return *b >= 0
}

// Possible reports whether one request may meet all the goals. It costs at most the budget's steps, each linear in the
// number of attributes that are constrained at that point.
func Possible(budget *Budget, goals ...Goal) bool {
	return solve(budget, newState(), slices.Clone(goals))
}

// solve settles the goals that can be met in one way only, then tries the ways of one that has several, each with the
// others still open.
func solve(budget *Budget, s *state, goals []Goal) bool {
	var open []Goal
	for len(goals) > 0 {
		if !budget.spend() {
			return true
		}
		g := goals[len(goals)-1]
		goals = goals[:len(goals)-1]
		switch ways := g.ways(); {
		case ways == nil:
			if !s.assume(g.Node, g.Want) {
				return false
			}
		case len(ways) == 1:
			goals = append(goals, ways[0]...)
		case len(ways) > 1:
			open = append(open, g)
		default:
			return false
		}
	}
	if len(open) == 0 {
		return s.consistent()
	}
	// The goal with the fewest ways is the likeliest to fail soon.
	slices.SortStableFunc(open, func(a, b Goal) int { return len(b.ways()) - len(a.ways()) })
	rest, next := open[:len(open)-1], open[len(open)-1]
	for _, way := range next.ways() {
		if solve(budget, s.clone(), slices.Concat(rest, way)) {
			return true
		}
	}
	return false
}

// ways returns the alternatives, each a list of goals, that together cover every way to meet a goal; nil for an atom that
// a state can assume as it is, and an empty list where there is none.
func (g Goal) ways() [][]Goal {
	n := g.Node
	switch n.Op {
	case Const:
		if n.Yes == (g.Want == True || g.Want == NotFalse) {
			return [][]Goal{{}}
		}
		return [][]Goal{}
	case Not:
		return [][]Goal{{{n.Kids[0], opposite[g.Want]}}}
	case And:
		if g.Want == True || g.Want == NotFalse {
			return all(n.Kids, g.Want)
		}
		return anyOf(n.Kids, g.Want)
	case Or:
		if g.Want == False || g.Want == NotTrue {
			return all(n.Kids, g.Want)
		}
		return anyOf(n.Kids, g.Want)
	case If:
		ways := [][]Goal{{{n.Kids[0], True}, {n.Kids[1], g.Want}}, {{n.Kids[0], False}, {n.Kids[2], g.Want}}}
		if g.Want == NotTrue || g.Want == NotFalse {
			ways = append(ways, []Goal{{n.Kids[0], NotTrue}, {n.Kids[0], NotFalse}})
		}
		return ways
	case Opaque:
		return nil
	}
	if g.Want == True || g.Want == False {
		return nil
	}
	return n.undefinedOr(g.Want)
}

var opposite = [...]Want{True: False, False: True, NotTrue: NotFalse, NotFalse: NotTrue}

func all(nodes []*Node, want Want) [][]Goal {
	way := make([]Goal, len(nodes))
	for i, n := range nodes {
		way[i] = Goal{n, want}
	}
	return [][]Goal{way}
}

func anyOf(nodes []*Node, want Want) [][]Goal {
	ways := make([][]Goal, len(nodes))
	for i, n := range nodes {
		ways[i] = []Goal{{n, want}}
	}
	return ways
}

// undefinedOr are the ways of an atom to be false, or true, or undefined. An atom about a field of the request itself is
// always defined, and present(x) is undefined where x is withheld.
func (n *Node) undefinedOr(want Want) [][]Goal {
	defined := False
	if want == NotFalse {
		defined = True
	}
	ways := [][]Goal{{{n, defined}}}
	if n.Own {
		return ways
	}
	if n.Op == Present {
		return append(ways, []Goal{{withheld(n.Slot), True}})
	}
	ways = append(ways, []Goal{{gone(n.Slot), True}})
	if n.Op == Compare {
		ways = append(ways, []Goal{{gone(n.Other), True}})
	}
	return ways
}

// Gone is true where an attribute is absent or withheld.
func Gone(slot string) *Node { return gone(slot) }

// gone is true where an attribute is absent or withheld, withheld where it is withheld.
func gone(slot string) *Node {
	return &Node{Op: presence, Slot: slot, there: absentOne | withheldOne, Own: true}
}
func withheld(slot string) *Node {
	return &Node{Op: presence, Slot: slot, there: withheldOne, Own: true}
}
