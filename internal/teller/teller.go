// Package teller is what the example programs share: a teller prints a story
// step by step, and stops with an error at the first step that does not come
// out as told.
package teller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// ErrNotAsTold means that a step did not come out as the story says.
var ErrNotAsTold = errors.New("not as told")

// A Teller plays a story on an exchange, at the story's own time.
type Teller struct {
	Ctx context.Context
	Out io.Writer
	X   *csss.Exchange
	Now time.Time
}

// Tell opens an exchange at the time the world opens, plays the steps up to
// the first error, and closes the exchange.
func (t *Teller) Tell(cfg csss.Config, steps ...func() error) (err error) {
	t.Now = world.Opening()
	if t.X, err = csss.Open(t.Ctx, cfg); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.X.Close()) }()
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Say prints one line of the story.
func (t *Teller) Say(format string, args ...any) { fmt.Fprintf(t.Out, format+"\n", args...) }

// Head begins a chapter.
func (t *Teller) Head(title string) { t.Say("\n%s  %s", t.Now.Format("2006-01-02 15:04"), title) }

// As is somebody acting now.
func (t *Teller) As(w world.Who) csss.By { return w.At(t.Now) }

// Ledger checks that every entry verifies and that a replay from the first one
// gives the same state.
func (t *Teller) Ledger() error {
	found, err := t.X.Verify(t.Ctx)
	if err != nil {
		return err
	}
	live, err := t.X.Digest()
	if err != nil {
		return err
	}
	again, err := t.X.Replay(t.Ctx)
	if err != nil {
		return err
	}
	t.Say("  %d entries verify; replayed from the first, they give the same state.", t.X.Size())
	return Told(len(found.Faults) == 0 && live == again, "the ledger")
}

// Told is an error that wraps [ErrNotAsTold] unless a fact is as the story
// says.
func Told(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrNotAsTold, fmt.Sprintf(format, args...))
}

// Hours writes an amount as hours: 2.5.
func Hours(a match.Amount) string { return fmt.Sprintf("%g", float64(a)/float64(match.Hour)) }

// Money writes cents in the world's currency: CAD 120.00.
func Money(cents int64) string {
	return fmt.Sprintf("%s %d.%02d", world.Currency, cents/100, cents%100)
}
