package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

// life is what both sides of a session do from the proposal to the ratings.
var life = []disclosure.Kind{disclosure.OptIn, disclosure.OptIn, disclosure.Authorize, disclosure.Authorize, disclosure.View, disclosure.View,
	disclosure.AcceptTerms, disclosure.AcceptTerms, disclosure.Start, disclosure.MarkDone, disclosure.MarkDone, disclosure.Rate, disclosure.Rate}

// lived returns the n-th command of a life. Every other one is the demand side's.
func lived(n int, s *disclosure.State) disclosure.Command {
	side := disclosure.Side(n % 2)
	c := disclosure.Command{ID: strconv.Itoa(n), Session: s.ID(), Side: side, Kind: life[n], Actor: []string{"anna", "ben"}[side],
		At: begun.Add(time.Duration(n) * time.Minute)}
	switch c.Kind {
	case disclosure.Authorize:
		c.Actor, c.Bind = []string{"olga", "paul"}[side], s.Binding(side)
	case disclosure.OptIn:
		c.Bind = s.Binding(side)
	case disclosure.View:
		c.Stage = disclosure.StageIdentity
	case disclosure.AcceptTerms:
		c.Terms = s.Proposal.Terms
	case disclosure.MarkDone:
		c.Hours = 2500
	case disclosure.Rate:
		c.Rating.Stars = 5
	}
	return c
}

var begun = time.Date(2026, 9, 15, 10, 30, 0, 0, time.UTC)

func proposed(id string) disclosure.Proposal {
	return disclosure.Proposal{
		ID: id, Session: disclosure.SessionID(id), Offer: "o1", Need: "n1", At: begun,
		Parties:   [2]disclosure.Party{{Firm: "f1", Actor: "anna"}, {Firm: "f2", Actor: "ben"}},
		Summaries: [2]disclosure.Digest{disclosure.DigestOf([]byte("need")), disclosure.DigestOf([]byte("offer"))},
		Terms:     disclosure.DigestOf([]byte("consult-v1")),
	}
}

// oneVote is an employer that wants one approver's vote.
type oneVote struct{}

func (oneVote) Authorize(_ context.Context, r disclosure.AuthRequest) (disclosure.Verdict, error) {
	return disclosure.Verdict{Allowed: true, Satisfied: len(r.Votes) > 0}, nil
}

// room always has some.
type room struct{}

func (room) Reserve(_ context.Context, s disclosure.State, _ time.Time) (disclosure.Record, error) {
	return disclosure.Record{Stream: "hold/" + string(s.ID()), Type: "hold.provisional"}, nil
}

func (room) Firm(_ context.Context, s disclosure.State) (disclosure.Record, error) {
	return disclosure.Record{Stream: "hold/" + string(s.ID()), Type: "hold.firmed"}, nil
}

func (room) Release(_ context.Context, s disclosure.State, _ string) (disclosure.Record, error) {
	return disclosure.Record{Stream: "hold/" + string(s.ID()), Type: "hold.released"}, nil
}

// livesDecided and livesLed are how many sessions are lived through: without an
// engine, in each of several rounds, and with one.
const (
	livesDecided = 20_000
	rounds       = 5
	livesLed     = 10_000
)

func (b *disclosureBench) speed(ctx context.Context) (finding, error) {
	var f finding
	if err := decideLives(&f); err != nil {
		return f, err
	}
	return f, leadLives(ctx, &f)
}

// decideLives measures the pure step: the machine's decision on a command, and
// the fold of its events. It takes the median of the rounds.
func decideLives(f *finding) error {
	m := disclosure.Present()
	opening, err := disclosure.Open(proposed("s"))
	if err != nil {
		return err
	}
	start := disclosure.State{}
	for _, e := range opening {
		start = disclosure.Evolve(start, e)
	}
	var commands []disclosure.Command
	for n := range life {
		commands = append(commands, lived(n, &start))
	}
	steps := livesDecided * len(life)
	var before, after runtime.MemStats
	var took []time.Duration
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range rounds {
		at := time.Now()
		if err := live(m, start, commands); err != nil {
			return err
		}
		took = append(took, time.Since(at))
	}
	runtime.ReadMemStats(&after)
	slices.Sort(took)
	f.Count += rounds * steps
	f.NsPerStep = figure(float64(took[rounds/2].Nanoseconds()) / float64(steps))
	f.Allocs = new(figure(float64(after.Mallocs-before.Mallocs) / float64(rounds*steps)))
	return nil
}

// live gives the commands to so many sessions.
func live(m *disclosure.Machine, start disclosure.State, commands []disclosure.Command) error {
	var events [8]disclosure.Event
	for range livesDecided {
		s := start
		for n := range commands {
			env := disclosure.Env{Now: commands[n].At, Hold: disclosure.HoldGranted}
			env.Verdicts[disclosure.Supply] = disclosure.Verdict{Allowed: true, Satisfied: n >= 2} // olga has voted
			env.Verdicts[disclosure.Demand] = disclosure.Verdict{Allowed: true, Satisfied: n >= 3} // and paul
			if _, err := m.Step(events[:0], &s, &commands[n], &env); err != nil {
				return fmt.Errorf("command %d: %w", n, err)
			}
		}
		if s.Phase != disclosure.Completed {
			return fmt.Errorf("a life ended %s", s.Phase)
		}
	}
	return nil
}

// leadLives measures commands through an engine over a log in memory, one after
// the other, without signatures.
func leadLives(ctx context.Context, f *finding) error {
	log := &disclosuretest.Log{}
	engine, err := disclosure.New(log, oneVote{}, room{}, nil)
	if err != nil {
		return err
	}
	var took []time.Duration
	began := time.Now()
	for i := range livesLed {
		id := "s" + strconv.Itoa(i)
		if err := engine.Propose(ctx, proposed(id)); err != nil {
			return err
		}
		s, err := engine.State(ctx, disclosure.SessionID(id))
		if err != nil {
			return err
		}
		for n := range life {
			c := lived(n, &s)
			at := time.Now()
			if _, err := engine.Do(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", c.Kind, err)
			}
			took = append(took, time.Since(at))
		}
	}
	f.Count += len(took)
	f.CommandsPerS = figure(float64(len(took)+livesLed) / time.Since(began).Seconds())
	slices.Sort(took)
	f.P99us = figure(float64(took[len(took)*99/100].Nanoseconds()) / 1000)
	return nil
}
