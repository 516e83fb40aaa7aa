package disclosure

import (
	"context"
	"iter"
	"time"
)

// Record is one entry of a log stream, in the terms of this package.
type Record struct {
	Stream   string
	Type     string
	Data     []byte   // nil when read back after its erasure
	Subjects []string // data subjects the payload belongs to; erasing one makes Data unreadable
	Expect   uint64   // append: version of Stream before this batch; read: version of this record
	Check    bool     // Expect is enforced; with Expect 0 the stream must be new
}

// Log is the durable order of events. Versions count the records of a stream
// from 1.
type Log interface {
	// Append writes all records or none and returns once they are durable.
	// With a key that an earlier batch used it writes nothing and reports
	// dup. An Expect that does not hold gives an error wrapping [ErrConflict]
	// and writes nothing; an error wrapping [ErrUnknownOutcome] means that
	// the batch may or may not have landed, which ByKey settles. After any
	// other error nothing was written.
	Append(ctx context.Context, key string, recs ...Record) (dup bool, err error)
	// Read yields the records of a stream with versions above after, in order.
	// A stream without records yields nothing.
	Read(ctx context.Context, stream string, after uint64) iter.Seq2[Record, error]
	// ByKey reports whether a batch with the key is on the log.
	ByKey(ctx context.Context, key string) (bool, error)
}

// Action is what a verdict is about.
type Action string

// The actions put to an [Authorizer].
const (
	ActSummarise Action = "summarise"
	ActReveal    Action = "reveal"
	ActEngage    Action = "engage"
	// ActFacilitate is to let a third party into a session; the request's votes
	// are those cast for the invitation.
	ActFacilitate Action = "facilitate"
)

// AuthRequest asks one side's employer.
type AuthRequest struct {
	Session State
	Side    Side
	Action  Action
	Votes   []Vote // standing and unexpired, including the one being cast
	Cast    *Vote  // the vote being cast, nil if none
	Now     time.Time

	Invitation *Invitation // ActFacilitate: who would be let in
}

// Requirement is an approval still due.
type Requirement struct {
	Name    string   `json:"name"`
	Roles   []string `json:"roles,omitempty"` // any of which may vote
	Need    int      `json:"need,omitempty"`
	Have    int      `json:"have,omitempty"`
	Tainted bool     `json:"tainted,omitempty"` // due on account of facts about the other side
}

// Verdict is an employer's answer. The zero Verdict refuses.
type Verdict struct {
	Allowed   bool          `json:"allowed"`
	Satisfied bool          `json:"satisfied"` // no approval is due any more; the parties' consent aside
	Auto      bool          `json:"auto,omitempty"`
	Policy    Digest        `json:"policy,omitzero"`
	Version   int           `json:"version,omitempty"`
	Due       []Requirement `json:"due,omitempty"`
	Reason    string        `json:"reason,omitempty"` // where not Allowed: why, for the own side; at most 200 bytes
}

// Authorizer answers for the employers. It must be deterministic in the
// request and the rules in force. An error wrapping [ErrPolicy] refuses the
// vote being cast; the voter, and nobody else, sees that error.
type Authorizer interface {
	Authorize(ctx context.Context, r AuthRequest) (Verdict, error)
}

// Reserver turns a session's plan into records that the engine appends in the
// same batch as the event they belong to. A returned record carries its own
// stream, expected version and type; one with an empty Stream is left out.
type Reserver interface {
	// Reserve holds the plan provisionally. [ErrNoCapacity]: there will be no reveal for now.
	Reserve(ctx context.Context, s State, until time.Time) (Record, error)
	// Firm makes the provisional hold firm.
	Firm(ctx context.Context, s State) (Record, error)
	// Release gives the hold back; why is "withdrawn", "revoked", "aborted", "expired" or "ended".
	Release(ctx context.Context, s State, why string) (Record, error)
}
