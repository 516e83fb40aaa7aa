package policy

import (
	"slices"
	"time"
)

// Requirement is who must agree: seats, of which Need must be filled by different people.
type Requirement struct {
	ID      string        `json:"id"`
	Seats   []string      `json:"seats"`           // a role each, one place each; a role may stand twice
	Need    int           `json:"need"`            // 1 to len(Seats)
	Expires time.Duration `json:"expires"`         // a vote of t counts while t ≤ now < t+Expires; 0: for ever
	Not     []string      `json:"not,omitempty"`   // "requester", "offered_person": may not vote, nor through a delegate
	Ordered bool          `json:"order,omitempty"` // seat k counts only with a vote that stands after those of the seats before it
	Veto    bool          `json:"veto,omitempty"`  // one refusal by someone who can be seated rejects
}

// Vote is one person's signed word, a fact of the ledger. Votes are passed in ledger order; a person's last word counts.
type Vote struct {
	Requirement string    `json:"requirement,omitempty"` // "" counts for any requirement in which the roles can be seated
	Person      string    `json:"person"`
	Roles       []string  `json:"roles"`              // held at the vote
	Via         []string  `json:"via,omitempty"`      // people who delegated the roles; separation of duties applies to them too
	Yes         bool      `json:"yes"`                // false refuses
	At          time.Time `json:"at"`                 // votes after now do not exist yet
	RevokedAt   time.Time `json:"revokedAt,omitzero"` // from then on the vote does not count; zero: never
	Binding     [32]byte  `json:"binding,omitzero"`   // what was voted on
}

// Facts are what a fold of votes needs to know besides the votes.
type Facts struct {
	Requester string              // who asked; "" where Not names the requester: nobody can be told apart from them, so no vote counts
	Offered   string              // the person offered; "" for machines and spaces
	Hidden    bool                // the person offered is not known: where Not names them no vote counts
	RolesNow  map[string][]string // roles held now, by person; nil: as at the vote
	Binding   [32]byte            // what must have been voted on; zero: not checked
}

// Status is the state of a requirement.
type Status uint8

// The states. Pending and Expired both mean that approval is due.
const (
	Pending   Status = iota // not enough seats are filled
	Satisfied               // at least Need seats are filled
	Rejected                // refusals have taken so many seats that Need cannot be reached, or there was a veto
	Expired                 // would be Satisfied had no vote lapsed
)

var statusNames = [...]string{"pending", "satisfied", "rejected", "expired"}

// String returns "pending", "satisfied", "rejected" or "expired".
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return statusNames[Pending]
}

// FoldApprovals returns the state of a requirement at now. It is a pure function: replay, duplicates, re-delivery, votes
// with another binding and votes after now change nothing.
//
// A seat is taken by the first live vote, in ledger order, of someone who holds its role; one person takes one seat,
// whatever their roles, and seats are handed around (bipartite matching, not first come first served) so that everyone
// who can sit does. A refusal takes a seat as a yes does, and does not expire. It costs O(votes × seats × (votes+seats)).
func FoldApprovals(req Requirement, votes []Vote, facts Facts, now time.Time) Status {
	status, _ := foldApprovals(req, votes, facts, now)
	return status
}

// foldApprovals also returns how many seats agree.
func foldApprovals(req Requirement, votes []Vote, facts Facts, now time.Time) (Status, int) {
	words := lastWords(req, votes, facts, now)
	yes, no := seat(req, words, now)
	switch {
	case req.Veto && slices.ContainsFunc(words, func(w word) bool { return !w.yes }):
		return Rejected, yes
	case yes >= req.Need:
		return Satisfied, yes
	case len(req.Seats)-no < req.Need:
		return Rejected, yes
	}
	eternal := req
	eternal.Expires = 0
	if had, _ := seat(eternal, words, now); had >= req.Need {
		return Expired, yes
	}
	return Pending, yes
}

// word is one standing vote: of each person either the yeses since their last refusal, or the first of the refusals since
// their last yes.
type word struct {
	person string
	yes    bool
	at     time.Time
	seats  []int // seats whose role they hold
}

// lastWords drops what does not count and keeps each person's standing words, in ledger order. A person may have several
// standing yeses, of which the first that has not lapsed is used.
func lastWords(req Requirement, votes []Vote, facts Facts, now time.Time) []word {
	var words []word
	for i, v := range votes {
		if !counts(req, v, facts, now) || redelivered(votes, i) || revoked(votes, i, now) {
			continue
		}
		w := word{person: v.Person, yes: v.Yes, at: v.At, seats: seatsOf(req, rolesHeld(v, facts))}
		if len(w.seats) == 0 && w.yes {
			continue
		}
		if again := func(old word) bool { return old.person == w.person && !old.yes && !w.yes }; slices.ContainsFunc(words, again) {
			continue // a refusal that is repeated keeps its first place
		}
		words = slices.DeleteFunc(words, func(old word) bool { return old.person == w.person && old.yes != w.yes })
		if len(w.seats) > 0 { // a refusal without a seat still takes back the person's yes
			words = append(words, w)
		}
	}
	return words
}

// sameVote reports whether two entries are one vote that was delivered twice.
func sameVote(a, b Vote) bool {
	return a.Person == b.Person && a.Requirement == b.Requirement && a.Yes == b.Yes && a.At.Equal(b.At) && a.Binding == b.Binding
}

func redelivered(votes []Vote, i int) bool {
	return slices.ContainsFunc(votes[:i], func(v Vote) bool { return sameVote(v, votes[i]) })
}

// revoked reports whether any copy of the vote was revoked by now.
func revoked(votes []Vote, i int, now time.Time) bool {
	return slices.ContainsFunc(votes, func(v Vote) bool {
		return sameVote(v, votes[i]) && !v.RevokedAt.IsZero() && !now.Before(v.RevokedAt)
	})
}

// counts reports whether a vote exists at now, for this requirement, from someone who may vote.
func counts(req Requirement, v Vote, facts Facts, now time.Time) bool {
	switch {
	case v.Person == "", v.At.After(now):
		return false
	case v.Requirement != "" && v.Requirement != req.ID:
		return false
	case facts.Binding != [32]byte{} && v.Binding != facts.Binding:
		return false
	}
	return !excluded(req, v, facts)
}

// excluded is the separation of duties.
func excluded(req Requirement, v Vote, facts Facts) bool {
	for _, not := range req.Not {
		who, unknown := facts.Offered, facts.Hidden
		if not == notRequester {
			who, unknown = facts.Requester, facts.Requester == ""
		}
		if unknown {
			return true
		}
		if who != "" && (v.Person == who || slices.Contains(v.Via, who)) {
			return true
		}
	}
	return false
}

// rolesHeld returns the roles held both at the vote and now.
func rolesHeld(v Vote, facts Facts) []string {
	if facts.RolesNow == nil {
		return v.Roles
	}
	var held []string
	for _, role := range v.Roles {
		if slices.Contains(facts.RolesNow[v.Person], role) {
			held = append(held, role)
		}
	}
	return held
}

func seatsOf(req Requirement, roles []string) []int {
	var seats []int
	for i, role := range req.Seats {
		if slices.Contains(roles, role) {
			seats = append(seats, i)
		}
	}
	return seats
}

// seat places the words, in their order, and returns how many seats agree and refuse.
func seat(req Requirement, words []word, now time.Time) (yes, no int) {
	live := liveWords(req, words, now)
	if req.Ordered {
		return seatInOrder(req, live)
	}
	taken := make([]int, len(req.Seats)) // seat -> 1 + index of the word
	for i := range live {
		if augment(live, i, taken, make([]bool, len(req.Seats))) {
			if live[i].yes {
				yes++
			} else {
				no++
			}
		}
	}
	return yes, no
}

// liveWords keeps each person's first word that has not lapsed.
func liveWords(req Requirement, words []word, now time.Time) []word {
	var live []word
	for _, w := range words {
		lapsed := w.yes && req.Expires > 0 && !now.Before(w.at.Add(req.Expires))
		if lapsed || slices.ContainsFunc(live, func(o word) bool { return o.person == w.person }) {
			continue
		}
		live = append(live, w)
	}
	return live
}

// augment seats word i, moving others to other seats of theirs if it must. Nobody seated loses their place.
func augment(live []word, i int, taken []int, tried []bool) bool {
	for _, s := range live[i].seats {
		if tried[s] {
			continue
		}
		tried[s] = true
		if taken[s] == 0 || augment(live, taken[s]-1, taken, tried) {
			taken[s] = i + 1
			return true
		}
	}
	return false
}

// seatInOrder fills the seats one after the other, each by the first live word that stands after the one before it.
// Earliest is best: it leaves the most words for the seats to come.
func seatInOrder(req Requirement, live []word) (yes, no int) {
	next := 0
	for s := range req.Seats {
		for next < len(live) && !slices.Contains(live[next].seats, s) {
			next++
		}
		if next == len(live) {
			return yes, no
		}
		if !live[next].yes {
			return yes, len(req.Seats) - s
		}
		yes++
		next++
	}
	return yes, no
}
