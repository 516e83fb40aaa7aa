package csss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
)

// Trail is a session's steps in order. Before the reveal a side sees its own
// steps and no proofs; from the reveal on both see all, each with a receipt
// that verifies offline.
type Trail struct {
	VerifierKey string      `json:"verifier_key"`
	Steps       []TrailStep `json:"steps"`
}

// TrailStep is one step: what it was, when, whose, under which rules, and its
// proof.
type TrailStep struct {
	Name    string            `json:"name"` // from the closed vocabulary, e.g. identity.revealed
	At      time.Time         `json:"at"`
	Side    disclosure.Side   `json:"side"`
	Auto    bool              `json:"auto,omitempty"`    // an approval by the rules alone
	Rules   disclosure.Digest `json:"rules,omitzero"`    // of the own firm, where they decided the step; never the other firm's
	Version int               `json:"version,omitempty"` // of those rules
	Receipt []byte            `json:"receipt,omitempty"` // C2SP tlog-proof
	Opening *ledger.Opening   `json:"opening,omitempty"` // what the entry says: for own steps, and for those that bind both
}

// Trail exports a session for one of its sides.
//
// Errors: ErrNotFound, and the ledger's.
func (x *Exchange) Trail(ctx context.Context, by By, h disclosure.Handle) (Trail, error) {
	x.mu.RLock()
	ref, ss, _, err := x.st.side(by, h)
	if err != nil {
		x.mu.RUnlock()
		return Trail{}, err
	}
	steps, open := slices.Clone(ss.steps), !ss.state.RevealedAt.IsZero()
	x.mu.RUnlock()
	t := Trail{VerifierKey: x.log.VerifierKey(), Steps: []TrailStep{}}
	for _, s := range steps {
		if s.name == "" || !open && !s.both && s.side != ref.side {
			continue
		}
		if s.side != ref.side && !s.both && discreet[s.name] {
			continue // a no that was kept silent stays so
		}
		own := s.rules[ref.side]
		step := TrailStep{Name: s.name, At: s.at, Side: s.side, Auto: s.auto && s.side == ref.side, Rules: own.digest, Version: own.version}
		if open {
			if err := x.prove(ctx, &step, s, ref.side); err != nil {
				return Trail{}, err
			}
		}
		t.Steps = append(t.Steps, step)
	}
	return t, nil
}

// discreet are the steps of a side that the other one reads as silence, also
// after the reveal.
var discreet = map[string]bool{"optin.withdrawn": true, "approval.denied": true, "approval.revoked": true, "engagement.monitored": true}

// prove adds a step's receipt, and its opening where the side may read it: its
// own steps, and those that bind both.
func (x *Exchange) prove(ctx context.Context, t *TrailStep, s step, side disclosure.Side) (err error) {
	if t.Receipt, err = x.log.ExportReceipt(ctx, s.index); err != nil {
		return err
	}
	if !s.session || s.side != side && !binding[s.name] {
		return nil
	}
	o, err := x.log.OpenPayload(ctx, s.index)
	if errors.Is(err, ledger.ErrShredded) {
		return nil // erased; the receipt still proves that it was there
	}
	if err != nil {
		return err
	}
	t.Opening = &o
	return nil
}

// binding are the steps that both sides are bound by once they know each other.
// An end is not among them: its entry holds the reason, which stays with the
// side that gave it.
var binding = map[string]bool{"identity.revealed": true, "terms.accepted": true, "engagement.started": true,
	"engagement.completed": true, "outcome.rated": true}

// Verify checks every receipt of an exported trail against the verifier key
// and nothing else, that the steps lie in the order shown, and that each step
// with an opening is what it is called, at that time, by that side. A step
// without an opening is another side's: the receipt shows that an entry lies
// there, not what it says. Nothing shows that no step was left out.
//
// Errors: *TrailError naming the step; -1 for a trail without steps.
func (t *Trail) Verify(verifierKey string) error {
	if len(t.Steps) == 0 {
		return &TrailError{Step: -1, Err: errors.New("has no steps")}
	}
	var last uint64
	for i := range t.Steps {
		s := &t.Steps[i]
		info, err := ledger.VerifyReceipt(s.Receipt, verifierKey)
		if err == nil {
			err = s.opens(info)
		}
		if err == nil && i > 0 && info.Index <= last {
			err = fmt.Errorf("lies at %d, not after %d", info.Index, last)
		}
		if err != nil {
			return &TrailError{Step: i, Err: err}
		}
		last = info.Index
	}
	return nil
}

// opens reports whether a step is what the entry under its receipt says.
func (s *TrailStep) opens(info ledger.ReceiptInfo) error {
	if s.Opening == nil {
		return nil
	}
	if !info.Opens(*s.Opening) {
		return errors.New("opening does not fit the receipt")
	}
	var head struct {
		Type disclosure.EventType `json:"type"`
	}
	if err := json.Unmarshal(s.Opening.Payload, &head); err != nil {
		return errors.New("opening is not a session's event")
	}
	ev, err := disclosure.DecodeEvent(disclosure.Record{Type: string(head.Type), Data: s.Opening.Payload})
	if err != nil || ev.TrailName() != s.Name || ev.Side != s.Side || !ev.At.Equal(s.At) {
		return errors.New("step is not what the entry says")
	}
	return nil
}

// TrailError names the step of a trail that does not verify.
type TrailError struct {
	Step int
	Err  error
}

func (e *TrailError) Error() string { return fmt.Sprintf("csss: trail step %d: %v", e.Step, e.Err) }

// Unwrap returns the reason.
func (e *TrailError) Unwrap() error { return e.Err }

// ExportReceipt returns the offline proof of a session's reveal, one file that
// [ledger.VerifyReceipt] checks with the verifier key alone. It is given only
// after the reveal: a position in the log would tell a party how much the
// other side has done.
//
// Errors: ErrNotFound, also before the reveal, and the ledger's.
func (x *Exchange) ExportReceipt(ctx context.Context, by By, h disclosure.Handle) ([]byte, error) {
	x.mu.RLock()
	_, ss, _, err := x.st.side(by, h)
	if err != nil {
		x.mu.RUnlock()
		return nil, err
	}
	i := slices.IndexFunc(ss.steps, func(s step) bool { return s.name == "identity.revealed" })
	var index uint64
	if i >= 0 {
		index = ss.steps[i].index
	}
	x.mu.RUnlock()
	if i < 0 {
		return nil, ErrNotFound
	}
	return x.log.ExportReceipt(ctx, index)
}
