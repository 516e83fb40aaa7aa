package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/deeperpoint/csss/examples/bench/vecset"
)

// tide tells which rows are in the index, and which take their places.
type tide struct {
	in, out []uint32 // those that went first come back first
	step    int      // rows of a round
	r       *rand.Rand
}

const tideSeed = 13 // of which rows go

func newTide(rows, live int, share float64) *tide {
	all := numbered(rows)
	t := &tide{r: rand.New(rand.NewPCG(tideSeed, 0)), step: int(share * float64(live))}
	t.r.Shuffle(rows, func(i, j int) { all[i], all[j] = all[j], all[i] })
	live = min(live, rows)
	t.in, t.out = slices.Clone(all[:live]), slices.Clone(all[live:])
	return t
}

// turn replaces rows by others, and returns both.
func (t *tide) turn() (gone, fresh []uint32) {
	for i := range t.step { // the first steps of a shuffle
		j := i + t.r.IntN(len(t.in)-i)
		t.in[i], t.in[j] = t.in[j], t.in[i]
	}
	gone, fresh = slices.Clone(t.in[:t.step]), slices.Clone(t.out[:t.step])
	copy(t.in, fresh)
	t.out = append(t.out[t.step:], gone...)
	return gone, fresh
}

// churnPoint is a line of the output.
type churnPoint struct {
	Engine         string  `json:"engine"`
	Version        string  `json:"version"`
	Set            string  `json:"set"`
	Metric         string  `json:"metric"`
	Mode           string  `json:"mode"`
	K              int     `json:"k"`
	Ef             int     `json:"ef"`
	Round          int     `json:"round"`
	Replaced       int     `json:"replaced"`
	Recall         float64 `json:"recall"`
	QPS            figure  `json:"qps"`
	FreshRecall    float64 `json:"fresh_recall,omitempty"`
	FreshQPS       figure  `json:"fresh_qps,omitempty"`
	CPUPerQuery    figure  `json:"cpu_us_per_query"`
	FreshCPU       figure  `json:"fresh_cpu_us_per_query,omitempty"`
	RecallTies     float64 `json:"recall_ties"`
	ReplaceS       figure  `json:"replace_s"`
	FreshBuildS    figure  `json:"fresh_build_s,omitempty"`
	BytesPerVector figure  `json:"bytes_per_vector,omitempty"`
	FreshBytes     figure  `json:"fresh_bytes_per_vector,omitempty"`
	Live           int     `json:"live"`
	Rows           int     `json:"rows"`
	Dim            int     `json:"dim"`
	M              int     `json:"M"`
	EfConstruction int     `json:"efc"`
	Threads        int     `json:"threads"`
	Passes         int     `json:"passes"`
}

// play replaces rows round by round and measures what is left, then beside a
// writer.
func (b *churnBench) play(ctx context.Context, field []*annContestant, t *tide) error {
	var points []churnPoint
	b.row("%-16s %5s %5s %8s %10s %8s %10s %9s", "engine", "round", "ef", "recall", "queries/s", "fresh", "queries/s", "replace s")
	for round := range b.rounds + 1 {
		if round > 0 {
			gone, fresh := t.turn()
			for _, c := range field {
				var err error
				version := c.built.version
				if c.built, err = c.replace(ctx, gone, fresh); err != nil {
					return fmt.Errorf("%s in round %d: %w", c.curve.Name, round, err)
				}
				c.built.version = version
			}
		}
		truth, err := b.truthOf(ctx, t.in)
		if err != nil {
			return err
		}
		for _, c := range field {
			measured, err := b.round(ctx, c, t, round, truth)
			if err != nil {
				return fmt.Errorf("round %d: %w", round, err)
			}
			points = append(points, measured...)
		}
	}
	for _, c := range field {
		if err := b.besideWriter(ctx, c, t); err != nil {
			return err
		}
	}
	return b.finish(field, points)
}

// truthOf finds the true neighbours of all queries among some rows.
func (b *churnBench) truthOf(ctx context.Context, rows []uint32) ([][]int32, error) {
	s := &vecset.Set{Metric: b.set.Metric, Base: gathered(b.set.Base, rows), Queries: b.set.Queries}
	t, err := vecset.Exact(ctx, s, b.k, func(int) {})
	if err != nil {
		return nil, err
	}
	truth := make([][]int32, b.set.Queries.Rows())
	for q := range truth {
		truth[q] = t.IDs.Row(q)
		for i, id := range truth[q] {
			truth[q][i] = int32(rows[id])
		}
	}
	return truth, nil
}

// round measures an engine, and beside csss's a fresh one.
func (b *churnBench) round(ctx context.Context, c *annContestant, t *tide, round int, truth [][]int32) ([]churnPoint, error) {
	fresh, err := b.freshOf(ctx, c, t, round)
	if err != nil {
		return nil, err
	}
	var points []churnPoint
	for _, ef := range b.efs {
		var worn, anew annPass
		for range b.passes {
			if err := b.bestOf(ctx, c, annQuestion{ef: ef}, &worn); err != nil {
				return nil, err
			}
			if fresh == nil {
				continue
			}
			if err := b.bestOf(ctx, fresh, annQuestion{ef: ef}, &anew); err != nil {
				return nil, err
			}
		}
		p := b.pointOf(c, round, ef, worn, truth)
		p.Replaced = round * t.step
		p.compare(b, fresh, anew, truth)
		b.row("%-16s %5d %5d %8.4f %10v %8.4f %10v %9v", c.curve.Name, round, ef, p.Recall, p.QPS, p.FreshRecall, p.FreshQPS, p.ReplaceS)
		if err := b.line(p); err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	return points, nil
}

// freshOf builds an index from the rows that an index of csss holds, in ascending
// order, or returns nil where there is nothing to compare with.
func (b *churnBench) freshOf(ctx context.Context, c *annContestant, t *tide, round int) (*annContestant, error) {
	worn, ours := c.annEngine.(*annOurs)
	if !ours || round%b.every != 0 && round != b.rounds {
		return nil, nil
	}
	if round == 0 {
		return c, nil
	}
	e := &annOurs{set: b.set, options: worn.options, open: worn.open, rows: slices.Sorted(slices.Values(t.in)), progress: func(int) {}}
	built, err := e.build(ctx)
	f := &annContestant{annEngine: e, name: c.name, mode: c.mode, built: built}
	f.curve.Name = c.curve.Name + ", fresh,"
	return f, err
}

// pointOf is the line of an engine.
func (b *churnBench) pointOf(c *annContestant, round, ef int, worn annPass, truth [][]int32) churnPoint {
	queries := float64(b.set.Queries.Rows())
	p := churnPoint{
		Engine: c.name, Version: c.built.version, Set: b.set.Name, Metric: string(b.set.Metric), Mode: c.mode, K: b.k, Ef: ef, Round: round,
		QPS: figure(queries / worn.seconds), CPUPerQuery: figure(1e6 * worn.cpuSeconds / queries), ReplaceS: figure(c.built.seconds),
		BytesPerVector: b.held(c), Live: b.live, Rows: b.set.Base.Rows(), Dim: b.set.Base.Dim, M: b.m, EfConstruction: b.efc,
		Threads: b.threads, Passes: b.passes,
	}
	p.Recall, p.RecallTies = b.recall(worn.ids, func(q int) []int32 { return truth[q] })
	return p
}

// compare adds what was measured of a fresh index, if there is one.
func (p *churnPoint) compare(b *churnBench, fresh *annContestant, anew annPass, truth [][]int32) {
	if fresh == nil {
		return
	}
	queries := float64(b.set.Queries.Rows())
	p.FreshRecall, _ = b.recall(anew.ids, func(q int) []int32 { return truth[q] })
	p.FreshQPS, p.FreshCPU = figure(queries/anew.seconds), figure(1e6*anew.cpuSeconds/queries)
	p.FreshBuildS, p.FreshBytes = figure(fresh.built.seconds), b.held(fresh)
}

// held are the bytes for rows, codes and links, by rows.
func (b *churnBench) held(c *annContestant) figure {
	ours, is := c.annEngine.(*annOurs)
	if !is {
		return 0
	}
	return figure(float64(ours.index.held()) / float64(b.live))
}

// churnSummary is the last line.
type churnSummary struct {
	Engine  string      `json:"engine"` // "csss/summary"
	Version string      `json:"version"`
	Set     string      `json:"set"`
	Metric  string      `json:"metric"`
	K       int         `json:"k"`
	Rows    int         `json:"rows"`
	Live    int         `json:"live"`
	Rounds  int         `json:"rounds"`
	Modes   []churnMode `json:"modes"`
	Load    string      `json:"load_average"` // at the end
}

// churnMode is what is worst of a mode at an ef, after round 0.
type churnMode struct {
	Mode       string  `json:"mode"`
	Ef         int     `json:"ef"`
	RecallLoss float64 `json:"recall_loss"`
	Round      int     `json:"round"` // of that loss
	Ratio      figure  `json:"ratio_to_fresh"`
	CPURatio   figure  `json:"cpu_ratio_to_fresh"`
	BytesRatio figure  `json:"bytes_ratio_to_fresh"`
}

// finish writes the summary.
func (b *churnBench) finish(field []*annContestant, points []churnPoint) error {
	s := churnSummary{Engine: "csss/summary", Version: field[len(field)-1].built.version, Set: b.set.Name, Metric: string(b.set.Metric),
		K: b.k, Rows: b.set.Base.Rows(), Live: b.live, Rounds: b.rounds, Load: loadAverage()}
	for _, mode := range b.modes {
		for _, ef := range b.efs {
			m := mostWorn(points, mode, ef)
			b.row("csss/%s, ef %d: recall %.2f points below a fresh build (round %d), %v × its speed, %v × its bytes at worst",
				mode, ef, 100*m.RecallLoss, m.Round, m.Ratio, m.BytesRatio)
			s.Modes = append(s.Modes, m)
		}
	}
	return b.line(s)
}

// mostWorn finds what is worst of a mode at an ef.
func mostWorn(points []churnPoint, mode string, ef int) churnMode {
	m := churnMode{Mode: mode, Ef: ef}
	for _, p := range points {
		if p.Engine != "csss" || p.Mode != mode || p.Ef != ef || p.Round == 0 || p.FreshQPS == 0 {
			continue
		}
		loss, ratio, cpu := round5(p.FreshRecall-p.Recall), p.QPS/p.FreshQPS, p.FreshCPU/max(p.CPUPerQuery, 1e-9)
		first := m.Round == 0
		if first || loss > m.RecallLoss {
			m.RecallLoss, m.Round = loss, p.Round
		}
		if first || ratio < m.Ratio {
			m.Ratio = ratio
		}
		if first || cpu < m.CPURatio {
			m.CPURatio = cpu
		}
		m.BytesRatio = max(m.BytesRatio, p.BytesPerVector/max(p.FreshBytes, 1e-9))
	}
	return m
}
