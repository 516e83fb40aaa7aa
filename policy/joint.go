package policy

// Side names one of the two employers of a deal.
type Side uint8

// The sides.
const (
	Supply Side = iota // whose resource is offered
	Demand             // whose need is met
)

// Joint is the answer of both employers' rules. Only Outcome is for everybody inside the engine; a party gets [Joint.For]
// its own side.
type Joint struct {
	Outcome Outcome `json:"outcome"` // the lesser of the two

	sides [2]Explanation
}

// Part is what one side of a joint decision may see: all of its own answer, and of the other's nothing but whether the
// door is open.
type Part struct {
	Own  Explanation `json:"own"`
	Open bool        `json:"open"` // nothing is due or denied on either side
}

// DecideJoint asks both employers of one snapshot of the rules. Both are always evaluated in full, so that neither the
// result nor its cost tells which one refused. Requests may name the same employer.
func (s *Set) DecideJoint(supply, demand *Request) Joint {
	j := Joint{sides: [2]Explanation{s.Explain(supply), s.Explain(demand)}}
	j.Outcome = min(j.sides[Supply].Outcome, j.sides[Demand].Outcome)
	return j
}

// For returns one side's own part. Any side but Supply is Demand.
func (j Joint) For(side Side) Part {
	if side != Supply {
		side = Demand
	}
	return Part{Own: j.sides[side], Open: j.Outcome == Permit}
}
