package disclosure

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// The outbox tells hosts what to tell people: by e-mail, by web hook, on a
// screen. It is read from the log, so nothing is told that is not durable, and
// it is the only source from which a host may tell without giving a side's
// sealed choice away: by what is said, by when, or by there being anything.

// ErrNoFeed means that the engine's log is no [Feed].
var ErrNoFeed = errors.New("disclosure: the log cannot be read as a whole")

// Feed is a [Log] that can be read across its streams.
type Feed interface {
	// Since yields the records at a position and after it, in the order in
	// which they became durable, up to the end that the log has when it begins.
	// Positions rise; the first is 0. Records of streams that are no session's
	// may be left out. An error is yielded once and ends it.
	Since(ctx context.Context, position uint64) iter.Seq2[Placed, error]
}

// Placed is a record and where it lies in the whole log.
type Placed struct {
	Record
	Position uint64
}

// Cursor is a place in the outbox. The zero Cursor is its beginning. As text it
// is opaque; it counts the whole market's records and is for the host alone.
type Cursor struct{ next uint64 }

const cursorPrefix = "n1-"

// String returns the text of c, which [ParseCursor] reads.
func (c Cursor) String() string { return cursorPrefix + strconv.FormatUint(c.next, 36) }

// MarshalText implements [encoding.TextMarshaler].
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] by [ParseCursor].
func (c *Cursor) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCursor(string(text))
	return err
}

// ParseCursor reads what [Cursor.String] writes, and nothing else. The empty
// text is the zero Cursor. The error is a [*FieldError].
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, cursorPrefix), 36, 64)
	if c := (Cursor{n}); err == nil && c.String() == text {
		return c, nil
	}
	return Cursor{}, &FieldError{Field: "cursor", Want: "a cursor as it was given out"}
}

// Notice is one thing that one side of a session may be told.
type Notice struct {
	ID     Digest    // the same for every reader, engine and reading; for whoever must not tell twice
	Side   Side      // who is told
	Handle Handle    // by which that side knows the other
	Type   EventType // what happened; SummariesPublished is the invitation
	Kind   Kind      // of the own side's step; empty for others
	Own    bool      // the side's own step
	Actor  string    // who took the own step; empty for the host
	At     time.Time // when it happened; of what the clock brings about, when it fell due

	Session SessionID // for the host, not for the side
	Next    Cursor    // where to go on once this one is told; for the host
}

// NoticeSize is the length of every encoded notice, in bytes.
const NoticeSize = 1024

// Encode returns the notice for its side: JSON without what is the host's,
// padded with blanks to [NoticeSize], so that its length tells nothing.
func (n Notice) Encode() []byte {
	text, err := json.Marshal(struct {
		ID     Digest    `json:"id"`
		Handle Handle    `json:"handle"`
		Type   EventType `json:"type"`
		Kind   Kind      `json:"kind,omitempty"`
		Own    bool      `json:"own,omitempty"`
		Actor  string    `json:"actor,omitempty"`
		At     time.Time `json:"at"`
	}{n.ID, n.Handle, n.Type, n.Kind, n.Own, n.Actor, n.At.UTC()})
	if err != nil || len(text) > NoticeSize { // a year beyond four digits
		text = []byte(`{"id":"` + n.ID.String() + `"}`)
	}
	return append(text, bytes.Repeat([]byte(" "), NoticeSize-len(text))...)
}

// audience says who is told of an event that follows the reveal, or is
// published before it.
var audience = map[EventType]struct{ own, other bool }{
	SummariesPublished:   {true, true},
	SessionStaled:        {true, true},
	SessionRevived:       {true, true},
	SessionClosed:        {true, true},
	IdentitiesRevealed:   {true, true},
	TermsAccepted:        {true, true},
	EngagementAgreed:     {true, true},
	EngagementStarted:    {true, true},
	EngagementMarked:     {true, true},
	EngagementCompleted:  {true, true},
	EngagementDisputed:   {true, true},
	EngagementTerminated: {true, true},
	OutcomeRated:         {true, false},
	FacilitatorJoined:    {true, true},
	FacilitatorEnded:     {true, true},
	ChoiceSealed:         {true, false},
	AuthorizationSealed:  {true, false},
}

// Notices returns what the sides of a session are told of an event: what is
// published to both, and a side's own step to that side. Nobody is told that
// somebody has looked, nor of what the rules alone brought about before the
// reveal, which would show when the other side moved. It is pure.
func Notices(id SessionID, e Event) []Notice {
	to, known := audience[e.Type]
	if !known || e.Erased || e.Type.Sealed() && e.Command == "" {
		return nil
	}
	var out []Notice
	for side := range Side(2) {
		own := e.Kind != "" && e.Side == side
		if own && !to.own || !own && !to.other {
			continue
		}
		n := Notice{Side: side, Handle: HandleOf(id, side.Other()), Type: e.Type, Own: own, At: e.At, Session: id}
		if own {
			n.Kind, n.Actor = e.Kind, e.Actor
		}
		n.ID = n.id(&e)
		out = append(out, n)
	}
	return out
}

// id names the notice by what its side knows of it: no place in the log, which
// would count the other side's steps.
func (n *Notice) id(e *Event) Digest {
	h := sha256.New()
	command := ""
	if n.Own {
		command = e.Command
	}
	for _, s := range [...]string{"csss/disclosure/notice/1", string(n.Session), n.Side.String(), string(n.Type), string(n.Kind), n.Actor, command} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
		h.Write([]byte(s))
	}
	for _, v := range [...]int64{n.At.UnixNano(), e.Hours, int64(e.Seat)} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(v)))
	}
	return Digest(h.Sum(nil))
}

// Events yields the notices of all sessions from a cursor on, in the log's
// order, up to its end. Store [Notice.Next] once a notice is told: whoever goes
// on from it after a crash is told everything at least once, and what comes
// twice has the same [Notice.ID]. Any number of readers may go through, at any
// pace.
//
// Call [Engine.Tick] first. What the clock has brought about is on the log when
// somebody notices, and a reader that waits for others to notice would learn
// when they moved. Bundles are told of leg by leg, erased records not at all.
//
// The errors are [ErrNoFeed], the log's, [ErrInvalid] for a record that is none
// of this package, and ctx's; an error is yielded once and ends it. Cost: the
// reading, and two hashes for each record of a session.
func (e *Engine) Events(ctx context.Context, from Cursor) iter.Seq2[Notice, error] {
	return func(yield func(Notice, error) bool) {
		feed, ok := e.log.(Feed)
		if !ok {
			yield(Notice{}, ErrNoFeed)
			return
		}
		for r, err := range feed.Since(ctx, from.next/2) {
			if err == nil {
				err = ctx.Err()
			}
			var notices []Notice
			if err == nil {
				notices, err = r.notices()
			}
			if err != nil {
				yield(Notice{}, err)
				return
			}
			for _, n := range notices {
				n.Next = Cursor{2*r.Position + uint64(n.Side) + 1}
				if n.Next.next > from.next && !yield(n, nil) {
					return
				}
			}
		}
	}
}

func (r *Placed) notices() ([]Notice, error) {
	id, ok := strings.CutPrefix(r.Stream, StreamOf(""))
	if !ok {
		return nil, nil
	}
	e, err := DecodeEvent(r.Record)
	if err != nil {
		return nil, fmt.Errorf("record %d of the log: %w", r.Position, err)
	}
	return Notices(SessionID(id), e), nil
}
