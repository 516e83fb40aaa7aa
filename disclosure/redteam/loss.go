package redteam

import (
	"errors"

	"github.com/deeperpoint/csss/disclosure"
)

// Loss counts feasible matches by the most that their viewer may be shown.
type Loss struct {
	K        int `json:"k"`
	Feasible int `json:"feasible"`
	Text     int `json:"text"`    // the summary
	Fit      int `json:"fit"`     // only that a fit exists
	Willing  int `json:"willing"` // nothing, but a summary for this viewer if the owner consents to fewer than k groups
	Hidden   int `json:"hidden"`  // nothing: at most the owner can answer first
}

// Without is the share of the matches that is lost without the ladder.
func (l Loss) Without() float64 { return 1 - float64(l.Text)/float64(max(l.Feasible, 1)) }

// With is the share that is lost with it: not even a consent would help.
func (l Loss) With() float64 { return float64(l.Hidden) / float64(max(l.Feasible, 1)) }

// Lose shows every feasible match to its viewer as a guard with these options
// does.
func Lose(d Directory, o *disclosure.SummaryOptions) (Loss, error) {
	s, err := guard(d, o)
	if err != nil {
		return Loss{}, err
	}
	loss := Loss{Feasible: len(d.Feasible), K: s.K(disclosure.Listing{})}
	for _, p := range d.Feasible {
		id := d.Listings[p.Listing].ID
		ladder, err := s.Ladder(id, p.Viewer, d.At)
		if err != nil {
			return Loss{}, err
		}
		if err := install(s, ladder.Fresh); err != nil {
			return Loss{}, err
		}
		switch ladder.Step {
		case disclosure.StepText:
			loss.Text++
			continue
		case disclosure.StepFit:
			loss.Fit++
			continue
		}
		switch _, err := s.ConsentedSummary(id, p.Viewer, leastConsented, "asked", d.At); {
		case err == nil:
			loss.Willing++
		case errors.Is(err, disclosure.ErrTooRare):
			loss.Hidden++
		default:
			return Loss{}, err
		}
	}
	return loss, nil
}

// leastConsented is the least k′ an owner may consent to without the unsafe option.
const leastConsented = 3

// guard returns a summarizer over a market.
func guard(d Directory, o *disclosure.SummaryOptions) (*disclosure.Summarizer, error) {
	s, err := disclosure.NewSummarizer(disclosure.DefaultSchema(), o)
	if err != nil {
		return nil, err
	}
	for _, l := range d.Listings {
		s.Put(l)
	}
	return s, nil
}

func install(s *disclosure.Summarizer, fresh []disclosure.Frozen) error {
	for _, f := range fresh {
		if err := s.Install(f); err != nil {
			return err
		}
	}
	return nil
}
