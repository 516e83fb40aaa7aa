package disclosure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

// FuzzDecodeEvent: a record is refused or folds without a panic, and what is
// read back can be written again.
func FuzzDecodeEvent(f *testing.F) {
	p := proposal("s1")
	for _, e := range []disclosure.Event{
		{Type: disclosure.SessionProposed, At: t0, Proposal: &p},
		{Type: disclosure.ChoiceSealed, At: t0, Kind: disclosure.OptIn, Actor: "supplier", Command: "c", Seq: 1, Until: t0.Add(time.Hour)},
		{Type: disclosure.IdentitiesRevealed, At: t0, Until: t0.Add(72 * time.Hour), Versions: [2]int{7, 8}},
		{Type: disclosure.OutcomeRated, At: t0, Rating: disclosure.Rating{Stars: 4}},
	} {
		data, err := e.Encode()
		require.NoError(f, err)
		f.Add(string(e.Type), data)
	}
	f.Add("ChoiceSealed", []byte{})
	f.Add("SessionProposed", []byte(`{"type":"SessionProposed"}`))
	s := disclosure.Evolve(disclosure.State{}, disclosure.Event{Type: disclosure.SessionProposed, Proposal: &p})
	f.Fuzz(func(t *testing.T, typ string, data []byte) {
		e, err := disclosure.DecodeEvent(disclosure.Record{Type: typ, Data: data})
		if err != nil {
			require.ErrorIs(t, err, disclosure.ErrInvalid)
			return
		}
		disclosure.Evolve(disclosure.State{}, e)
		disclosure.Evolve(s, e)
		_ = e.TrailName()
	})
}

// FuzzCommandStream plays any sequence of commands; no step breaks an
// invariant of the specification.
func FuzzCommandStream(f *testing.F) {
	f.Add([]byte{1, 101, 4, 104, 7, 8, 108, 9, 10, 110})
	f.Add([]byte{1, 2, 1, 101, 3, 104})
	f.Fuzz(func(t *testing.T, moves []byte) {
		if len(moves) > 200 {
			return
		}
		p := proposal("s1")
		p.Deadline, p.HardExpiry, p.Grace, p.Slot, p.Hold, p.Flips = 24*time.Hour, 720*time.Hour, 72*time.Hour, time.Hour, 72*time.Hour, 16
		s := disclosure.Evolve(disclosure.State{}, disclosure.Event{Type: disclosure.SessionProposed, Proposal: &p, At: t0})
		s = disclosure.Evolve(s, disclosure.Event{Type: disclosure.SummariesPublished, At: t0})
		now := t0
		for i, m := range moves {
			if m >= 200 {
				now = now.Add(time.Duration(m-199) * 17 * time.Minute)
				continue
			}
			kinds := disclosure.Kinds()
			c := command(string(rune('a'+i)), disclosure.Side(m/100), kinds[int(m%100)%len(kinds)], now)
			hold := disclosure.HoldAnswer(m % 3 % 2)
			events, err := disclosure.Decide(s, c, env(s, c, hold))
			if err != nil {
				continue
			}
			for _, e := range events {
				next := disclosure.Evolve(s, e)
				checkStep(t, s, e, next, c, hold)
				s = next
			}
		}
	})
}
