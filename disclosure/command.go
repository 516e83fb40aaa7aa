package disclosure

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Side is one of the two sides of a session.
type Side uint8

// The two sides; they index every [2]T of this package.
const (
	Supply Side = iota
	Demand
)

// Other returns the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// String returns "supply" or "demand".
func (s Side) String() string {
	if s == Supply {
		return "supply"
	}
	return "demand"
}

// SessionID names a session. The host chooses it, at random: it is known to
// both sides and must tell nothing.
type SessionID string

// Handle is the pseudonym of one side within one session. It is derived from
// the session's id alone, so two sessions of one firm have unrelated handles.
type Handle string

// HandleOf returns the handle of a side in a session.
func HandleOf(id SessionID, s Side) Handle {
	h := sha256.Sum256([]byte("csss/disclosure/handle/" + s.String() + "/" + string(id)))
	return Handle("h-" + hex.EncodeToString(h[:10]))
}

// Digest is a SHA-256 value. The zero Digest means "none". As text it is
// lower-case hexadecimal, and empty when zero.
type Digest [sha256.Size]byte

// DigestOf hashes b.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// IsZero reports whether d is the zero Digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns the digest in hexadecimal, "" for zero.
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return hex.EncodeToString(d[:])
}

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. It accepts 64
// hexadecimal digits or nothing.
func (d *Digest) UnmarshalText(b []byte) error {
	var t Digest
	if len(b) != 0 {
		if len(b) != hex.EncodedLen(len(t)) {
			return fmt.Errorf("disclosure: digest has %d characters, want %d", len(b), hex.EncodedLen(len(t)))
		}
		if _, err := hex.Decode(t[:], b); err != nil {
			return fmt.Errorf("disclosure: digest is not hexadecimal")
		}
	}
	*d = t
	return nil
}

// Stage is how much may be seen.
type Stage uint8

// The stages, in order. A field of stage n is never rendered before stage n.
const (
	StageNothing    Stage = iota
	StageSummary          // the anonymous summary
	StageIdentity         // the identity package
	StageContact          // contacts and documents, after the terms
	StageEngagement       // what the engagement needs
)

// Kind is what a [Command] asks for.
type Kind string

// The commands. The comment names who may give them.
const (
	Publish     Kind = "publish"      // system: Bind.Summary is what Side will be shown
	OptIn       Kind = "opt_in"       // party
	OptOut      Kind = "opt_out"      // party: the discreet no; silence to the other side
	Withdraw    Kind = "withdraw"     // party: the open way out, final
	Authorize   Kind = "authorize"    // employer: one vote for Requirement
	Deny        Kind = "deny"         // employer
	RevokeAuth  Kind = "revoke_auth"  // employer
	View        Kind = "view"         // party: log that Stage is about to be shown
	AcceptTerms Kind = "accept_terms" // party
	Start       Kind = "start"        // party: work has begun
	MarkDone    Kind = "mark_done"    // party: Hours were worked
	Rate        Kind = "rate"         // party
	Dispute     Kind = "dispute"      // party
	Abort       Kind = "abort"        // system, on behalf of Side (its rules or facts changed)
	Expire      Kind = "expire"       // system: apply what is due, nothing else
	Settle      Kind = "settle"       // system: try again a reveal or an engagement that lacked a hold or a verdict
	Revive      Kind = "revive"       // party
)

// Kinds returns every command, in a fixed order.
func Kinds() []Kind {
	return []Kind{Publish, OptIn, OptOut, Withdraw, Authorize, Deny, RevokeAuth, View, AcceptTerms,
		Start, MarkDone, Rate, Dispute, Abort, Expire, Settle, Revive}
}

// Binding ties a consent to what was shown when it was given.
type Binding struct {
	Summary    Digest    `json:"summary,omitzero"`    // what this side was shown; must match for OptIn and Authorize
	Terms      Digest    `json:"terms,omitzero"`      // the proposed terms; must match for OptIn and Authorize
	Bundle     Digest    `json:"bundle,omitzero"`     // the demand side of a bundle: see [Bundle.Digest]; must match for OptIn and Authorize
	Invitation Digest    `json:"invitation,omitzero"` // Admit and AdmitVote: see [Invitation.Digest]
	Policy     Digest    `json:"policy,omitzero"`     // rules the consent was given under, or the session aborted; kept, not compared
	Expires    time.Time `json:"expires,omitzero"`    // when the consent lapses; zero = the session's deadline
}

// Command is one wish of one actor.
type Command struct {
	ID          string    // unique per actor and session; repeating it repeats the receipt; 1–128 bytes
	Session     SessionID // required
	Side        Side      // vouched for by the host
	Firm        string    // the actor's firm; "" = vouched for by the host. Another firm's reads ErrNotFound
	Actor       string    // person id; ignored for system commands
	Roles       []string  // the actor's roles, for employer commands
	Under       string    `json:",omitempty"` // Authorize: what lets the actor vote in another's place, as the host names it; kept with the vote, compared by nobody here
	Seq         uint64    // per actor, strictly rising; 0 = next
	Kind        Kind
	Bind        Binding
	At          time.Time // now, as the host's clock has it; required
	Said        time.Time // when the actor says that it acts; kept with the event, decides nothing
	Requirement string    // Authorize, Deny, RevokeAuth: which approval the vote is for
	Stage       Stage     // View
	Terms       Digest    // AcceptTerms: must equal the proposed terms
	Hours       int64     // MarkDone: thousandths of an hour, > 0
	Rating      Rating    // Rate
	Reason      string    // own side only; at most 200 bytes
	Share       []byte    `json:"-"` // OptIn, Authorize: what the host needs of this consent to open what it sealed; at most 192 bytes, kept with the event. A retry may bring another: the first stays
}

// Rating is one side's verdict on a completed engagement.
type Rating struct {
	Stars  int  `json:"stars"`            // 1 to 5
	Solved bool `json:"solved,omitempty"` // what was asked for was achieved
}

// Party is one side of a proposal.
type Party struct {
	Firm   string `json:"firm"`             // required
	Group  string `json:"group"`            // employer group; "" = Firm. Equal groups never meet
	Actor  string `json:"actor,omitempty"`  // whose moves count as the party's; "" = anyone of the side, not for a Person
	Person bool   `json:"person,omitempty"` // Actor is the offered person: the opt-in is that person's own consent, who cannot also approve
}

// Proposal opens a session.
type Proposal struct {
	ID            string          `json:"id"` // command id, unique for ever; repeating it does nothing
	Session       SessionID       `json:"session"`
	Offer         string          `json:"offer"`
	Need          string          `json:"need"`
	OfferRevision int             `json:"offer_revision"`
	NeedRevision  int             `json:"need_revision"`
	Parties       [2]Party        `json:"parties"`
	Summaries     [2]Digest       `json:"summaries"` // what each side is shown; a zero one is published later, see Publish
	Terms         Digest          `json:"terms"`     // required
	Price         int64           `json:"price,omitempty"`
	Amount        int64           `json:"amount,omitempty"`
	Plan          json.RawMessage `json:"plan,omitempty"`   // the host's: what to reserve; at most 256 KiB
	Deadline      time.Duration   `json:"deadline"`         // default 24 h
	HardExpiry    time.Duration   `json:"hard_expiry"`      // default 30 d; must exceed Deadline
	Grace         time.Duration   `json:"grace"`            // default 72 h
	Slot          time.Duration   `json:"slot"`             // default 1 h
	Hold          time.Duration   `json:"hold"`             // provisional hold, from the reveal; default 72 h
	Flips         int             `json:"flips"`            // opt-ins and opt-outs accepted per side; default 16
	End           time.Time       `json:"end,omitzero"`     // an engagement closes then; zero = only by its parties
	At            time.Time       `json:"at"`               // now; required
	Bundle        *Bundle         `json:"bundle,omitempty"` // set by [Engine.ProposeBundle]
}

// Receipt answers a command. It depends on the actor's own commands alone.
type Receipt struct {
	Index uint64 `json:"index"` // the actor's sequence number
	Event Digest `json:"event"` // of the actor's own event
}
