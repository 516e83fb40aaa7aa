package policy

import (
	"slices"
	"time"
)

// Requirement is who must agree: seats, of which Need must be filled by different people.
type Requirement struct {
	ID         string        `json:"id"`
	Seats      []string      `json:"seats"`               // a role each, one place each; a role may stand twice
	Need       int           `json:"need"`                // 1 to len(Seats)
	Expires    time.Duration `json:"expires"`             // a vote of t counts while t ≤ now < t+Expires; 0: for ever
	Not        []string      `json:"not,omitempty"`       // "requester", "offered_person": may not vote, nor through a delegate
	Ordered    bool          `json:"order,omitempty"`     // seat k counts only with a vote that stands after those of the seats before it
	Veto       bool          `json:"veto,omitempty"`      // one refusal by someone who can be seated rejects
	Escalate   Escalation    `json:"escalate,omitzero"`   // more seats after a silence
	Delegation Delegation    `json:"delegation,omitzero"` // whether a seat may be handed on
}

// Vote is one person's signed word, a fact of the ledger. Votes are passed in ledger order; a person's last word counts,
// and once that is taken back they have said nothing.
type Vote struct {
	Requirement string    `json:"requirement,omitempty"` // "" counts for any requirement in which the roles can be seated
	Person      string    `json:"person"`
	Roles       []string  `json:"roles"`              // held at the vote, by the person or by the first of Via
	Via         []string  `json:"via,omitempty"`      // who handed the roles on, from the one who holds them; separation of duties applies to them too
	Yes         bool      `json:"yes"`                // false refuses
	At          time.Time `json:"at"`                 // votes after now do not exist yet
	RevokedAt   time.Time `json:"revokedAt,omitzero"` // from then on the vote does not count; zero: never
	Binding     [32]byte  `json:"binding,omitzero"`   // what was voted on, see [Ballot]
}

// Facts are what a fold of votes needs to know besides the votes.
type Facts struct {
	Employer  string              // whose requirement it is; events of other employers do not count. "": not checked
	Requester string              // who asked; "" where Not names the requester: nobody can be told apart from them, so no vote counts
	Offered   string              // the person offered; "" for machines and spaces
	Hidden    bool                // the person offered is not known: where Not names them no vote counts
	RolesNow  map[string][]string // roles held now, by person; nil: as at the vote
	Binding   [32]byte            // what must have been voted on; zero: not checked
	Requested time.Time           // when agreement was first asked for; zero: only events tell
	Category  string              // of the request, for delegations that are bounded by categories
	Attrs     Attrs               // of the request, for delegations with bounds; one that is not here is not kept
	Granted   []Authority         // what [FoldGrants] returns now: seats that were handed on with a grant
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

// MarshalText returns [Status.String].
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote; any other text is an error.
func (s *Status) UnmarshalText(text []byte) error {
	at := slices.Index(statusNames[:], string(text))
	if at < 0 {
		return &RequestError{Field: "status", Text: "is none of pending, satisfied, rejected, expired"}
	}
	*s = Status(at)
	return nil
}

// Approval is where a requirement stands.
type Approval struct {
	Status    Status    `json:"status"`
	Have      int       `json:"have"`                // seats that agree
	Seats     []string  `json:"seats"`               // those of the requirement, and those that an escalation has opened
	Escalated bool      `json:"escalated,omitempty"` // an escalation has opened seats
	Next      time.Time `json:"next,omitzero"`       // the earliest instant at which this may change without a new event; zero: never
}

// FoldVotes returns where a requirement stands at now. It is a pure function: replay, duplicates, re-delivery, votes
// with another binding and votes after now change nothing.
//
// A seat is taken by the first live vote, in ledger order, of someone who holds its role. One person takes one seat,
// whatever their roles, and so does whoever handed a role on, together with all who vote for them; seats are handed around
// (bipartite matching, not first come first served) so that everyone who can sit does. A refusal takes a seat as a yes
// does, and does not expire. What the requirement's own seats refuse stays refused, whoever else is asked later. Those who
// handed a role on keep their own word: it goes before their delegates', among whom a refusal goes before a yes. A vote
// whose Via is longer than the requirement's delegation does not count, nor does one of or through somebody without a name
// that [RequestError] would let pass. A Need below 1 is 1, so that nobody's silence satisfies. It costs O(votes × seats²).
func FoldVotes(req Requirement, votes []Vote, facts Facts, now time.Time) Approval {
	return tally(&req, ballotsOf(&req, votes, &facts, now), &facts, now)
}

// ballot is a vote that may count: it exists, is about this, and comes from someone who may vote.
type ballot struct {
	person    string
	principal string // whose role it is: the person's, or that of the first who handed it on
	roles     []string
	yes       bool
	void      bool // taken back, and with it what its person said before
	at        time.Time
	until     time.Time // when the authority to vote ends; zero: never
}

// ballotsOf drops the votes that do not count.
func ballotsOf(req *Requirement, votes []Vote, facts *Facts, now time.Time) []ballot {
	var list []ballot
	gone := revoked(votes, now)
	seen := make(map[voteID]bool, len(votes))
	for i := range votes {
		v := &votes[i]
		id := v.id()
		if !seen[id] && len(v.Via) <= req.Delegation.Depth && counts(req, v, facts, now) {
			b := ballotOf(v, facts, time.Time{})
			b.void = gone[id]
			list = append(list, b)
		}
		seen[id] = true
	}
	return list
}

func ballotOf(v *Vote, facts *Facts, until time.Time) ballot {
	b := ballot{person: v.Person, principal: v.Person, yes: v.Yes, at: v.At, until: until}
	if len(v.Via) > 0 {
		b.principal = v.Via[0]
	}
	b.roles = rolesHeld(b.principal, v, facts)
	return b
}

// tally seats the ballots.
func tally(req *Requirement, ballots []ballot, facts *Facts, now time.Time) Approval {
	own := *req
	own.Need = max(req.Need, 1)
	opened, opens := own.Escalate.seatsAt(facts.Requested, now)
	full := own
	full.Seats = slices.Concat(own.Seats, opened)
	words := lastWords(&full, ballots)
	a := Approval{Seats: full.Seats, Escalated: len(opened) > 0, Next: earliest(opens, lapseOf(&own, words, now))}
	yes, no := seat(&full, words, now)
	a.Have = yes
	switch {
	case own.Veto && slices.ContainsFunc(words, func(w word) bool { return !w.yes }):
		a.Status = Rejected
	case len(full.Seats)-no < own.Need || refusedByFirst(&own, ballots, now):
		a.Status = Rejected
	case yes >= own.Need:
		a.Status = Satisfied
	case wouldHold(&full, words, now):
		a.Status = Expired
	}
	return a
}

// refusedByFirst reports whether the requirement's own seats refuse. Seats opened for silence do not outvote a refusal.
func refusedByFirst(own *Requirement, ballots []ballot, now time.Time) bool {
	_, no := seat(own, lastWords(own, ballots), now)
	return len(own.Seats)-no < own.Need
}

// wouldHold reports whether only time has undone the approval.
func wouldHold(req *Requirement, words []word, now time.Time) bool {
	eternal := *req
	eternal.Expires = 0
	had, _ := seat(&eternal, words, now)
	return had >= req.Need
}

// lapseOf is the earliest time after now at which a word stops counting.
func lapseOf(req *Requirement, words []word, now time.Time) (next time.Time) {
	for _, w := range words {
		for _, end := range []time.Time{w.lapse(req), w.until} {
			if end.After(now) {
				next = earliest(next, end)
			}
		}
	}
	return next
}

// earliest is the earlier of two times of which either may be zero for never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// word is one standing vote: of each person either the yeses since their last refusal, or the first of the refusals since
// their last yes.
type word struct {
	ballot
	seats []int // seats whose role they hold
}

// lapse is when a yes stops counting by age; zero: never.
func (w *word) lapse(req *Requirement) time.Time {
	if !w.yes || req.Expires <= 0 {
		return time.Time{}
	}
	return w.at.Add(req.Expires)
}

// lastWords keeps each person's standing words, in ledger order. A person speaks for one principal, the last they spoke
// for. They may have several standing yeses, of which the first that has not lapsed is used.
func lastWords(req *Requirement, ballots []ballot) []word {
	var words []word
	said := map[string][]int{} // by person: the places of what stands, which all says the same
	for _, b := range ballots {
		w := word{ballot: b}
		if !b.void {
			w.seats = seatsOf(req, b.roles)
		}
		mine := said[b.person]
		again := len(mine) > 0 && words[mine[0]].repeatedBy(&b)
		switch {
		case b.yes && !b.void && len(w.seats) == 0:
			continue
		case again && !b.yes:
			continue // a refusal that is repeated keeps its first place
		case !again: // a refusal without a seat still takes back the person's yes
			for _, at := range mine {
				words[at].seats = nil
			}
			mine = nil
		}
		if len(w.seats) > 0 {
			mine = append(mine, len(words))
			words = append(words, w)
		}
		said[b.person] = mine
	}
	return slices.DeleteFunc(words, func(w word) bool { return len(w.seats) == 0 })
}

// repeatedBy reports whether a later ballot of the same person says the same.
func (w *word) repeatedBy(b *ballot) bool {
	return !b.void && w.yes == b.yes && w.principal == b.principal
}

// voteID tells votes apart: entries with one are one vote that was delivered twice.
type voteID struct {
	person, requirement string
	yes                 bool
	second              int64
	nanosecond          int
	binding             [32]byte
}

func (v *Vote) id() voteID {
	return voteID{v.Person, v.Requirement, v.Yes, v.At.Unix(), v.At.Nanosecond(), v.Binding}
}

// revoked returns the votes of which any copy was revoked by now.
func revoked(votes []Vote, now time.Time) map[voteID]bool {
	gone := map[voteID]bool{}
	for i := range votes {
		if v := &votes[i]; !v.RevokedAt.IsZero() && !now.Before(v.RevokedAt) {
			gone[v.id()] = true
		}
	}
	return gone
}

// counts reports whether a vote exists at now, for this requirement, from someone who may vote.
func counts(req *Requirement, v *Vote, facts *Facts, now time.Time) bool {
	switch {
	case !isName(v.Person), v.At.After(now), slices.ContainsFunc(v.Via, func(p string) bool { return !isName(p) }):
		return false
	case v.Requirement != "" && v.Requirement != req.ID:
		return false
	case facts.Binding != [32]byte{} && v.Binding != facts.Binding:
		return false
	}
	return !excluded(req, v, facts)
}

// excluded is the separation of duties.
func excluded(req *Requirement, v *Vote, facts *Facts) bool {
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

// rolesHeld returns the roles that their holder held at the vote and holds now. A delegate, and whoever stands between
// the two, need not hold them but must still be there.
func rolesHeld(holder string, v *Vote, facts *Facts) []string {
	if facts.RolesNow == nil {
		return v.Roles
	}
	for _, person := range append([]string{v.Person}, v.Via...) {
		if _, there := facts.RolesNow[person]; !there {
			return nil
		}
	}
	return shared(v.Roles, facts.RolesNow[holder])
}

// shared returns the words of a that b holds too.
func shared(a, b []string) (both []string) {
	for _, x := range a {
		if slices.Contains(b, x) {
			both = append(both, x)
		}
	}
	return both
}

func seatsOf(req *Requirement, roles []string) []int {
	var seats []int
	for i, role := range req.Seats {
		if slices.Contains(roles, role) {
			seats = append(seats, i)
		}
	}
	return seats
}

// seat places the words, in their order, and returns how many seats agree and refuse.
func seat(req *Requirement, words []word, now time.Time) (yes, no int) {
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

// liveWords keeps one word per principal: of those that have not lapsed the first of their own, else the first refusal
// of a delegate, else the first yes of a delegate.
func liveWords(req *Requirement, words []word, now time.Time) []word {
	standing := slices.DeleteFunc(slices.Clone(words), func(w word) bool {
		end := w.lapse(req)
		return !end.IsZero() && !now.Before(end)
	})
	rank := func(w *word) int {
		switch {
		case w.person == w.principal:
			return 2
		case !w.yes:
			return 1
		}
		return 0
	}
	best := map[string]int{} // by principal
	for i := range standing {
		w := &standing[i]
		if at, there := best[w.principal]; !there || rank(w) > rank(&standing[at]) {
			best[w.principal] = i
		}
	}
	var live []word
	for i, w := range standing {
		if best[w.principal] == i {
			live = append(live, w)
		}
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
func seatInOrder(req *Requirement, live []word) (yes, no int) {
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
