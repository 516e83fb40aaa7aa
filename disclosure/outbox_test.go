package disclosure_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

// told is the outbox from a cursor on.
func told(t testing.TB, e *disclosure.Engine, from disclosure.Cursor) (out []disclosure.Notice) {
	t.Helper()
	for n, err := range e.Events(t.Context(), from) {
		require.NoError(t, err)
		out = append(out, n)
	}
	return out
}

// wholeWay plays a session from its opening to the ratings, with an opt-out and
// a stale spell in between.
func wholeWay(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.must(disclosure.Demand, 0, disclosure.OptIn, disclosure.OptOut)
	_, err := w.e.Tick(t.Context(), t0.Add(25*time.Hour), "s1")
	require.NoError(t, err)
	w.must(disclosure.Supply, 25*time.Hour, disclosure.Revive)
	_, err = w.e.Tick(t.Context(), t0.Add(27*time.Hour), "s1")
	require.NoError(t, err)
	for side := range disclosure.Side(2) {
		w.must(side, 28*time.Hour, disclosure.OptIn, disclosure.Authorize)
	}
	for side := range disclosure.Side(2) {
		w.must(side, 29*time.Hour, disclosure.View, disclosure.AcceptTerms)
	}
	for _, kind := range []disclosure.Kind{disclosure.Start, disclosure.MarkDone, disclosure.Rate} {
		for side := range disclosure.Side(2) {
			w.must(side, 30*time.Hour, kind)
		}
	}
	require.Equal(t, disclosure.Completed, w.state().Phase)
	return w
}

// A reader that stops anywhere and goes on from its cursor is told everything,
// and nothing twice under two names.
func TestOutboxGoesOnFromEveryPlace(t *testing.T) {
	w := wholeWay(t)
	all := told(t, w.e, disclosure.Cursor{})
	require.Greater(t, len(all), 10)
	ids := map[disclosure.Digest]bool{}
	for i, n := range all {
		require.False(t, ids[n.ID], "%s", n.Type)
		ids[n.ID] = true
		text, err := n.Next.MarshalText()
		require.NoError(t, err)
		var c disclosure.Cursor
		require.NoError(t, c.UnmarshalText(text))
		assert.Equal(t, append([]disclosure.Notice(nil), all[i+1:]...), told(t, w.e, c), "after notice %d", i)
		assert.Len(t, n.Encode(), disclosure.NoticeSize)
		assert.True(t, json.Valid(n.Encode()))
		assert.NotContains(t, string(n.Encode()), string(n.Session))
	}
	assert.Equal(t, all, told(t, newEngine(t, w.log, w.r, w.st), disclosure.Cursor{}), "another engine over the log")
}

// TestNoticesTellNoSealedChoice: what one side does before the reveal is told to
// that side alone, and what the rules bring about by themselves to nobody.
func TestNoticesTellNoSealedChoice(t *testing.T) {
	for _, typ := range []disclosure.EventType{disclosure.ChoiceSealed, disclosure.AuthorizationSealed} {
		e := disclosure.Event{Type: typ, At: t0, Kind: disclosure.OptIn, Side: disclosure.Supply, Command: "c", Actor: "a"}
		got := disclosure.Notices("s", e)
		require.Len(t, got, 1)
		assert.Equal(t, disclosure.Supply, got[0].Side)
		assert.True(t, got[0].Own)
		e.Command = ""
		assert.Empty(t, disclosure.Notices("s", e))
	}
	for _, typ := range []disclosure.EventType{disclosure.FieldsDisclosed, disclosure.SummaryAttached, disclosure.SessionProposed, disclosure.BundleRevised, "unknown"} {
		assert.Empty(t, disclosure.Notices("s", disclosure.Event{Type: typ, At: t0, Command: "c"}))
	}
	assert.Empty(t, disclosure.Notices("s", disclosure.Event{Type: disclosure.SessionClosed, Erased: true}))
	left := disclosure.Notices("s", disclosure.Event{Type: disclosure.SessionClosed, At: t0, Kind: disclosure.Withdraw, Side: disclosure.Demand, Actor: "boss", Command: "c", Reason: "why", Cause: "withdrawn"})
	require.Len(t, left, 2)
	assert.Equal(t, disclosure.Notice{ID: left[0].ID, Side: disclosure.Supply, Handle: left[0].Handle, Type: disclosure.SessionClosed, At: t0, Session: "s"}, left[0],
		"the other side is not told who left")
}

func TestOutboxNeedsAFeed(t *testing.T) {
	e, err := disclosure.New(struct{ disclosure.Log }{new(disclosuretest.Log)}, agreed{}, shelf{}, nil)
	require.NoError(t, err)
	for _, err := range e.Events(t.Context(), disclosure.Cursor{}) {
		require.ErrorIs(t, err, disclosure.ErrNoFeed)
	}
}

// A failing or cancelled reading is reported once and loses nothing.
func TestOutboxFailsInTheOpen(t *testing.T) {
	w := wholeWay(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last disclosure.Cursor
	n, failures := 0, 0
	for notice, err := range w.e.Events(ctx, disclosure.Cursor{}) {
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			failures++
			continue
		}
		last = notice.Next
		if n++; n == 3 {
			cancel()
		}
	}
	require.Equal(t, 1, failures)
	all := told(t, w.e, disclosure.Cursor{})
	assert.Equal(t, all[n:], told(t, w.e, last))

	broken := errors.New("broken")
	e, err := disclosure.New(brokenFeed{w.log, broken}, agreed{}, shelf{}, nil)
	require.NoError(t, err)
	for _, err := range e.Events(t.Context(), disclosure.Cursor{}) {
		require.ErrorIs(t, err, broken)
	}
}

type brokenFeed struct {
	disclosure.Log
	err error
}

func (b brokenFeed) Since(context.Context, uint64) iter.Seq2[disclosure.Placed, error] {
	return func(yield func(disclosure.Placed, error) bool) { yield(disclosure.Placed{}, b.err) }
}

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "n1-0", "n1-z", "n1-00", "n1--1", "n1-3w5e11264sgsf", "n1-3w5e11264sgsg", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := disclosure.ParseCursor(text)
		if err != nil {
			require.ErrorIs(t, err, disclosure.ErrInvalid)
			return
		}
		if text != "" {
			require.Equal(t, text, c.String())
		}
	})
}

// A host's loop: it brings the clock up to date, tells what is new, and keeps
// the cursor.
func ExampleEngine_Events() {
	ctx, now := context.Background(), time.Date(2026, 9, 15, 10, 30, 0, 0, time.UTC)
	engine, err := disclosure.New(&disclosuretest.Log{}, agreed{}, shelf{}, nil)
	check(err)
	check(engine.Propose(ctx, disclosure.Proposal{ID: "p1", Session: "s1", At: now, Terms: disclosure.DigestOf([]byte("consult-v1")),
		Parties:   [2]disclosure.Party{{Firm: "f1", Actor: "anna"}, {Firm: "f2", Actor: "ben"}},
		Summaries: [2]disclosure.Digest{disclosure.DigestOf([]byte("need")), disclosure.DigestOf([]byte("offer"))}}))
	var kept disclosure.Cursor
	tell := func() {
		_, err := engine.Tick(ctx, now, "s1")
		check(err)
		for n, err := range engine.Events(ctx, kept) {
			check(err)
			fmt.Println(strings.TrimSpace(fmt.Sprintln(n.Side, n.Type, n.Kind)))
			kept = n.Next
		}
	}
	tell()
	st, err := engine.Status(ctx, "s1", disclosure.Demand, now)
	check(err)
	_, err = engine.Do(ctx, disclosure.Command{ID: "out", Session: "s1", Side: disclosure.Demand, Actor: "ben", Kind: disclosure.OptOut, Bind: st.Bind, At: now})
	check(err)
	tell() // ben's side alone
	now = now.Add(25 * time.Hour)
	tell()
	// Output:
	// supply SummariesPublished
	// demand SummariesPublished
	// demand ChoiceSealed opt_out
	// supply SessionStaled
	// demand SessionStaled
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
