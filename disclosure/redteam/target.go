package redteam

import (
	"context"
	"strings"
	"time"
)

// A Target opens markets to attack. Two markets of one target share nothing.
type Target interface {
	// Open returns a market in which the plant's firms are registered, with
	// their offers published, and nothing has happened since. The market is at
	// its defaults: what a host would run.
	Open(ctx context.Context, p Plant) (Market, error)
}

// A Market is one market. It is used by one goroutine at a time.
type Market interface {
	// Do makes one move and returns all that its caller is given. Whatever goes
	// wrong is part of the answer.
	Do(ctx context.Context, m Move) Answer
	// Pass lets time pass, and everything happen that becomes due.
	Pass(ctx context.Context, d time.Duration) error
	Close() error
}

// Canaried is implemented by markets with other firms than the planted ones:
// their tokens are searched in every answer as well.
type Canaried interface {
	// Canaries lists tokens that nobody among the planted firms may read.
	Canaries() []string
}

// Embedding is implemented by targets that match by the vectors of texts. The
// attackers are supposed to know the embedder: only the texts are secret.
type Embedding interface {
	Embed(ctx context.Context, text string) ([]float32, error)
}

// A Plant is what a market holds when it opens. Everything in it is secret to
// all but its own firm.
type Plant struct {
	Seed  uint64
	Firms []Firm
	Crowd bool // put the target's own world around the firms, if it has one
}

// A Firm is a planted employer with three people: who acts for it, who approves,
// and somebody without a say. Each of its names is unique in the market.
type Firm struct {
	Group     string // employer group; firms of one group are one employer
	LegalName string
	Contact   string // who acts for it
	Email     string
	Phone     string
	Street    string
	Serial    string // of the machine that it offers
	Site      int    // where it is: places with different numbers lie 12 km apart
	Offer     *Offer // nil: it only asks
}

// Tokens lists what names the firm.
func (f *Firm) Tokens() []string {
	return []string{f.LegalName, f.Slug(), f.Contact, f.Email, f.Phone, f.Street, f.Serial}
}

// Slug is what a target makes the ids of the firm and its people of.
func (f *Firm) Slug() string { return strings.ToLower(strings.ReplaceAll(f.LegalName, " ", "-")) }

// An Offer is machine hours. Everything but the machine is private.
type Offer struct {
	Machine   string // a term of the public vocabulary
	Text      string // free text; empty = one that all such offers share
	Floor     int64  // lowest rate, cents per hour
	Hours     int    // on offer
	From      int    // days after the opening
	Until     int    // days after the opening
	Tolerance int    // what it can hold, in thousandths of a millimetre
}

// A Question is what a firm asks the market for.
type Question struct {
	Machine   string
	Text      string
	Ceiling   int64 // highest rate, cents per hour
	Hours     int
	From      int // days after the opening
	Until     int
	Tolerance int // wanted, in thousandths of a millimetre; 0 = any
}

// A Role is who of a firm makes a move.
type Role uint8

// The roles.
const (
	Party     Role = iota // acts for the firm: asks, offers, opts in
	Approver              // decides for the employer
	Bystander             // works there and has no say
	Outsider              // somebody whom the firm does not employ
)

// A Verb is what a move does.
type Verb string

// The verbs. Those from Select on act on the session of Move.Handle.
const (
	Ask     Verb = "ask"     // ask Move.Question under the name Move.Thing, and search
	Again   Verb = "again"   // search again for the question Move.Thing
	Look    Verb = "look"    // read what the search for Move.Thing found
	Inbox   Verb = "inbox"   // read what waits for the person
	Revise  Verb = "revise"  // offer Move.Offer in the place of what the firm offers
	Retract Verb = "retract" // take the firm's offer from the market
	Own     Verb = "own"     // read the offer or question Move.Thing, and what the market says of it to its owner
	Totals  Verb = "totals"  // read everything that is public
	Outside Verb = "outside" // read what left the market by itself since the last time: logs, public trees, metrics

	Select  Verb = "select"
	OptIn   Verb = "opt in"
	OptOut  Verb = "opt out"
	Approve Verb = "approve"
	Refuse  Verb = "refuse" // Move.Words is the reason
	Revoke  Verb = "revoke"
	Leave   Verb = "leave"
	Revive  Verb = "revive"
	Summary Verb = "summary"  // view the other side's summary
	Who     Verb = "identity" // view the other side's identity
	Status  Verb = "status"
	Accept  Verb = "accept" // the terms of the digest Move.Words
	Trail   Verb = "trail"
	Proof   Verb = "proof"
	Start   Verb = "start"
	Done    Verb = "done" // Move.Question.Hours were worked
	Rate    Verb = "rate"
	Consent Verb = "consent" // to a summary that fewer than k employers share
)

// Sessional are the verbs that act on a session.
func Sessional() []Verb {
	return []Verb{Select, OptIn, OptOut, Approve, Refuse, Revoke, Leave, Revive, Summary, Who, Status, Accept, Trail, Proof, Start, Done, Rate, Consent}
}

// General are the others.
func General() []Verb { return []Verb{Ask, Again, Look, Inbox, Revise, Retract, Own, Totals, Outside} }

// A Move is one call as somebody. A target passes every string on as it is, to
// wherever the call has room for it.
type Move struct {
	Verb     Verb
	Firm     int // of Plant.Firms
	As       Role
	ID       string // idempotency key; empty = a fresh one
	Handle   string
	Thing    string // what the firm calls a question or an offer; OfferOf names the planted ones
	Words    string
	Question Question
	Offer    Offer
}

// OfferOf is what the planted offer of a firm is called in moves.
func OfferOf(firm int) string {
	return strings.Repeat(string(rune('a'+max(0, firm)%26)), 6) + "-offer"
}

// An Answer is all that the caller of a move is given.
type Answer struct {
	OK    bool   // accepted
	Seen  []byte // every byte, in every form in which a host could print it, errors included
	Finds []Find // of Ask, Again, Look and Inbox: what it may act on, in the order shown
	Reads bool   // of Who: the other side's identity lay open
}

// A Find is one candidate or invitation.
type Find struct {
	Handle string
	Shown  string // all else that is shown of it
	Band   int    // confidence, 0 is least
}
