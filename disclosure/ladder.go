package disclosure

import "time"

// Step is a rung of the ladder for rare but willing offers.
type Step string

// The steps, best first.
const (
	StepText     Step = "text"      // the frozen summary may be shown
	StepFit      Step = "fit"       // only that a fit exists, with category and region
	StepAskOwner Step = "ask_owner" // nothing; the owner is asked first
)

// FitExists says no more than that.
type FitExists struct {
	Category string `json:"category"`
	Region   string `json:"region"`
}

// Ladder is the most that may be shown to a viewer without asking the owner.
type Ladder struct {
	Step  Step       `json:"step"`
	Shown *Shown     `json:"shown,omitempty"` // StepText
	Fit   *FitExists `json:"fit,omitempty"`   // StepFit: k groups offer that category in that region
	Fresh []Frozen   `json:"-"`               // at any step: what is not installed yet, for the host's log alone
}

// Ladder returns the highest rung open to a viewer, as of now. Its only error
// is [ErrNotFound].
func (s *Summarizer) Ladder(id string, v Viewer, now time.Time) (Ladder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turnTo(now)
	l, ok := s.listing(id)
	if !ok {
		return Ladder{}, ErrNotFound
	}
	sh, fresh, err := s.forViewer(l, v)
	if err == nil {
		return Ladder{Step: StepText, Shown: &sh, Fresh: fresh}, nil
	}
	same := and(nil, s.peersOf(l).members, s.kinds[l.Category])
	same = and(same, same, s.regions[l.Region])
	if l.Region != "" && v.Group != l.Group && s.enough(same, s.groupNumber(v.Group), s.K(l)) {
		return Ladder{Step: StepFit, Fit: &FitExists{Category: l.Category, Region: l.Region}, Fresh: fresh}, nil
	}
	return Ladder{Step: StepAskOwner, Fresh: fresh}, nil
}

// ConsentedSummary builds the one summary with k′ < k that the owner, having
// been told k′ and the costliest field, consents to show to one counterparty;
// it is the Shown of the result. consentEntry names that consent in the host's
// log, which holds the offered person's own as well. k′ counts groups without
// the viewer's; it is at least 3, or 2 with AllowUnsafe.
//
// The artefact belongs to (listing revision, viewer group, consent entry):
// once it is installed, asking again returns it unchanged, asking for anything
// else under the same consent returns [ErrStale], and no other summary is
// derived from it. The other errors are [ErrNotFound], [*FieldError] and
// [*TooRareError].
func (s *Summarizer) ConsentedSummary(id string, v Viewer, kPrime int, consentEntry string, now time.Time) (Frozen, error) {
	if !safeK(kPrime, s.opt.AllowUnsafe) {
		return Frozen{}, &FieldError{Field: "kPrime", Want: "3 or more, or 2 with AllowUnsafe"}
	}
	if consentEntry == "" || v.Group == "" {
		return Frozen{}, &FieldError{Field: "consentEntry", Want: "the logged consent, for one employer group"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turnTo(now)
	l, ok := s.listing(id)
	if !ok {
		return Frozen{}, ErrNotFound
	}
	if f, ok := s.consents[consentEntry]; ok {
		if f.Listing != id || f.Revision != l.Revision || f.Group != v.Group || f.K != kPrime {
			return Frozen{}, ErrStale
		}
		return f, nil
	}
	found := s.finest(l, s.options(l), kPrime, s.groupNumber(v.Group))
	if found == nil || v.Group == l.Group {
		return Frozen{}, s.tooRare(s.risk(l), kPrime)
	}
	class := s.class(l, found)
	rung, remote := s.place(l, v, class, kPrime, 0, false)
	sh := shown(found, placeName(l, rung), remote)
	return Frozen{Listing: id, Revision: l.Revision, Group: v.Group, Consent: consentEntry, K: kPrime, Shown: &sh}, nil
}
