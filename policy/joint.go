package policy

import (
	"cmp"
	"slices"
)

// Side names one of the two employers of a deal.
type Side uint8

// The sides.
const (
	Supply Side = iota // whose resource is offered
	Demand             // whose need is met
)

var sideNames = [...]string{"supply", "demand"}

// String returns "supply" or "demand". Any side but Supply is Demand.
func (s Side) String() string { return sideNames[min(s, Demand)] }

// Joint is the answer of both employers' rules. What it says of both sides is for the engine alone; a party gets
// [Joint.For] its own side. The zero value denies.
type Joint struct {
	Outcome Outcome // the lesser of the two

	sides [2]Decision
}

// Part is what one side of a joint decision may see: all of its own answer, and of the other's nothing but whether the
// door is open.
type Part struct {
	Own  Decision
	Open bool // nothing is due or denied on either side
}

// JointDue is a requirement that one side's rules still ask for.
type JointDue struct {
	Side Side `json:"side"`
	Due
}

// JointDuty is an obligation, or an advice, of one side's rules.
type JointDuty struct {
	Side Side   `json:"side"`
	Name string `json:"name"`
}

// DecideJoint asks both employers of one snapshot of the rules. Both are always evaluated in full, so that neither the
// result nor its cost tells which one refused. The queries may name the same employer. It costs two calls of [Set.Decide].
func (s *Set) DecideJoint(supply, demand *Query) Joint {
	var j Joint
	s.decide(supply, &j.sides[Supply])
	s.decide(demand, &j.sides[Demand])
	j.Outcome = min(j.sides[Supply].Outcome, j.sides[Demand].Outcome)
	return j
}

// For returns one side's own part. Any side but Supply is Demand.
func (j *Joint) For(side Side) Part {
	return Part{Own: j.sides[min(side, Demand)], Open: j.Outcome == Permit}
}

// Due appends what is due on both sides, the supply's first; none unless the outcome is RequireApproval.
func (j *Joint) Due(dst []JointDue) []JointDue {
	if j.Outcome != RequireApproval {
		return dst
	}
	for side := range j.sides {
		d := &j.sides[side]
		for i := range int(d.due.count) {
			dst = append(dst, JointDue{Side(side), d.dueAt(i)})
		}
	}
	return dst
}

// Obligations appends what the caller must do on behalf of both sides, the supply's first; none if the outcome is Deny.
func (j *Joint) Obligations(dst []JointDuty) []JointDuty {
	return j.duties(dst, func(r *rule) []string { return r.obligations })
}

// Advice appends what the caller may do on behalf of both sides, the supply's first; none if the outcome is Deny.
func (j *Joint) Advice(dst []JointDuty) []JointDuty {
	return j.duties(dst, func(r *rule) []string { return r.advice })
}

func (j *Joint) duties(dst []JointDuty, of func(*rule) []string) []JointDuty {
	if j.Outcome == Deny {
		return dst
	}
	for side := range j.sides {
		d := &j.sides[side]
		first := len(dst)
		for i := range int(d.rules.count) {
			for _, name := range of(d.doc.rules[*d.rules.at(i)]) {
				x := JointDuty{Side(side), name}
				at, there := slices.BinarySearchFunc(dst[first:], x, func(a, b JointDuty) int { return cmp.Compare(a.Name, b.Name) })
				if !there {
					dst = slices.Insert(dst, first+at, x)
				}
			}
		}
	}
	return dst
}
