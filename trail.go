package csss

import (
	"context"
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
}

// Trail exports a session for one of its sides.
//
// Errors: ErrNotFound, and the ledger's.
func (x *Exchange) Trail(ctx context.Context, by By, h disclosure.Handle) (Trail, error) {
	ref, _, err := x.side(by, h)
	if err != nil {
		return Trail{}, err
	}
	x.mu.RLock()
	ss := x.st.sessions[ref.session]
	steps, open := slices.Clone(ss.steps), !ss.state.RevealedAt.IsZero()
	x.mu.RUnlock()
	t := Trail{VerifierKey: x.log.VerifierKey(), Steps: []TrailStep{}}
	for _, s := range steps {
		if s.name == "" || !open && !s.both && s.side != ref.side {
			continue
		}
		own := s.rules[ref.side]
		step := TrailStep{Name: s.name, At: s.at, Side: s.side, Auto: s.auto && s.side == ref.side, Rules: own.digest, Version: own.version}
		if open {
			if step.Receipt, err = x.log.ExportReceipt(ctx, s.index); err != nil {
				return Trail{}, err
			}
		}
		t.Steps = append(t.Steps, step)
	}
	return t, nil
}

// Verify checks every receipt of an exported trail against the verifier key
// and nothing else, and that the steps lie in the order shown.
//
// Errors: *TrailError naming the step.
func (t *Trail) Verify(verifierKey string) error {
	var last uint64
	for i, s := range t.Steps {
		info, err := ledger.VerifyReceipt(s.Receipt, verifierKey)
		if err != nil {
			return &TrailError{Step: i, Err: err}
		}
		if i > 0 && info.Index <= last {
			return &TrailError{Step: i, Err: fmt.Errorf("lies at %d, not after %d", info.Index, last)}
		}
		last = info.Index
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
	ref, _, err := x.side(by, h)
	if err != nil {
		return nil, err
	}
	x.mu.RLock()
	ss := x.st.sessions[ref.session]
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
