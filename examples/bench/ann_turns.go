package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/deeperpoint/csss/examples/bench/curve"
	"github.com/deeperpoint/csss/examples/bench/vecfile"
)

// annContestant is an engine in the field, and what was measured of it.
type annContestant struct {
	annEngine
	name, mode string
	built      annBuilt
	curve      curve.Curve
	cpu        curve.Curve // the same by CPU time
	done       bool        // its recall is enough
}

// annPoint is a line of the output.
type annPoint struct {
	Engine         string  `json:"engine"`
	Version        string  `json:"version"`
	Set            string  `json:"set"`
	Metric         string  `json:"metric"`
	Mode           string  `json:"mode"`
	K              int     `json:"k"`
	Ef             int     `json:"ef"`
	Recall         float64 `json:"recall"`
	QPS            figure  `json:"qps"`
	BuildS         figure  `json:"build_s"`
	BytesPerVector figure  `json:"bytes_per_vector"`
	CPUPerQuery    figure  `json:"cpu_us_per_query"`
	RecallTies     float64 `json:"recall_ties"`
	BuildCPU       figure  `json:"build_cpu_s"`
	Rows           int     `json:"rows"`
	Dim            int     `json:"dim"`
	M              int     `json:"M"`
	EfConstruction int     `json:"efc"`
	Threads        int     `json:"threads"`
	Passes         int     `json:"passes"`
	Walks          string  `json:"walks,omitempty"`
}

// openField builds the peers that are to be had and csss's modes, which come
// last. What it returns is to be closed even after an error.
func (b *vectorBench) openField(ctx context.Context, dir string, task vectorTask) ([]*annContestant, error) {
	field, err := b.openPeers(ctx, dir, task)
	if err != nil {
		return field, err
	}
	rows := task.rows
	if rows == nil {
		rows = numbered(b.set.Base.Rows())
	}
	for _, mode := range b.modes {
		field = append(field, &annContestant{name: "csss", mode: mode, annEngine: &annOurs{
			set: b.set, open: annModes[mode], options: annOptions{b.k, b.m, b.efc, b.threads, task.verb == "churn"},
			rows: rows, progress: b.tenths("csss/"+mode+": %d of %d rows", len(rows)),
		}})
	}
	for _, c := range field {
		b.note("building %s/%s …", c.name, c.mode)
		if c.built, err = c.build(ctx); err != nil {
			return field, fmt.Errorf("%s/%s: %w", c.name, c.mode, err)
		}
		c.curve.Name = c.name + "/" + c.mode
		b.note("built %s %s in %v s", c.curve.Name, c.built.version, figure(c.built.seconds))
	}
	return field, nil
}

// numbered are the numbers below n.
func numbered(n int) []uint32 {
	all := make([]uint32, n)
	for i := range all {
		all[i] = uint32(i)
	}
	return all
}

// takeTurns measures all engines at each ef.
func (b *annBench) takeTurns(ctx context.Context, field []*annContestant) error {
	b.row("%-16s %6s %8s %10s %9s %9s %8s", "engine", "ef", "recall", "queries/s", "CPU µs", "build s", "B/vector")
	for _, ef := range b.efs {
		running := slices.DeleteFunc(slices.Clone(field), func(c *annContestant) bool { return c.done })
		best := make([]annPass, len(running))
		for range b.passes {
			for i, c := range running {
				if err := b.bestOf(ctx, c, annQuestion{ef: ef}, &best[i]); err != nil {
					return err
				}
			}
		}
		for i, c := range running {
			if err := b.point(c, ef, best[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// bestOf has an engine answer once more, and keeps what is best.
func (b *vectorBench) bestOf(ctx context.Context, c *annContestant, q annQuestion, best *annPass) error {
	p, err := c.pass(ctx, q)
	if err == nil {
		err = b.agrees(p, *best)
	}
	if err != nil {
		return fmt.Errorf("%s at ef %d: %w", c.curve.Name, q.ef, err)
	}
	*best = better(*best, p)
	return nil
}

// agrees refuses a pass that answers otherwise than the one before it, or with
// what is no row.
func (b *vectorBench) agrees(p, before annPass) error {
	rows := b.set.Base.Rows()
	switch {
	case len(p.ids) != b.set.Queries.Rows()*b.k:
		return fmt.Errorf("%d answers to %d queries with k %d", len(p.ids), b.set.Queries.Rows(), b.k)
	case !(p.seconds > 0):
		return fmt.Errorf("a pass took %v s", p.seconds)
	case slices.ContainsFunc(p.ids, func(id int32) bool { return id < -1 || int(id) >= rows }):
		return fmt.Errorf("an answer is not among the %d rows", rows)
	case before.ids != nil && !slices.Equal(p.ids, before.ids):
		return fmt.Errorf("two passes differ")
	}
	return nil
}

// better joins what is best of two passes; neighbours on the machine only add.
func better(a, b annPass) annPass {
	if a.ids == nil {
		return b
	}
	return annPass{min(a.seconds, b.seconds), min(a.cpuSeconds, b.cpuSeconds), a.ids}
}

// point writes the line of an engine at an ef.
func (b *annBench) point(c *annContestant, ef int, p annPass) error {
	queries := float64(b.set.Queries.Rows())
	hits, ties := b.recall(p.ids, func(q int) []int32 { return b.truth.IDs.Row(q)[:b.k] })
	l := annPoint{
		Engine: c.name, Version: c.built.version, Set: b.set.Name, Metric: string(b.set.Metric), Mode: c.mode, K: b.k, Ef: ef,
		Recall: hits, QPS: figure(queries / p.seconds), BuildS: figure(c.built.seconds),
		BytesPerVector: figure(float64(c.built.bytes) / float64(b.set.Base.Rows())), CPUPerQuery: figure(1e6 * p.cpuSeconds / queries),
		RecallTies: ties, BuildCPU: figure(c.built.cpuSeconds), Rows: b.set.Base.Rows(), Dim: b.set.Base.Dim,
		M: b.m, EfConstruction: b.efc, Threads: b.threads, Passes: b.passes, Walks: c.built.walks,
	}
	c.curve.Points = append(c.curve.Points, curve.Point{Recall: hits, QPS: queries / p.seconds})
	c.cpu.Points = append(c.cpu.Points, curve.Point{Recall: hits, QPS: queries / max(p.cpuSeconds, 1e-9)})
	c.done = !b.efsGiven && hits > annEnough
	b.row("%-16s %6d %8.4f %10v %9v %9v %8v", c.curve.Name, ef, hits, l.QPS, l.CPUPerQuery, l.BuildS, l.BytesPerVector)
	return b.line(l)
}

// recall is the share of true neighbours, nearest first, among the answers; ties
// counts also answers that are as near as the last of them. An answer given twice
// counts once.
func (b *vectorBench) recall(ids []int32, of func(query int) []int32) (hits, ties float64) {
	found, near, all := 0, 0, 0
	for q := range b.set.Queries.Rows() {
		truth := of(q)
		all += len(truth)
		farthest := b.set.Distance(q, int(truth[len(truth)-1]))
		answers := slices.Compact(slices.Sorted(slices.Values(ids[q*b.k : (q+1)*b.k])))
		for _, id := range answers {
			switch {
			case slices.Contains(truth, id):
				found++
			case id >= 0 && b.set.Distance(q, int(id)) <= farthest+1e-7*max(1, math.Abs(farthest)):
				near++
			}
		}
	}
	return round5(float64(found) / float64(all)), round5(float64(found+near) / float64(all))
}

func round5(x float64) float64 { return math.Round(x*1e5) / 1e5 }

// annSummary is the last line.
type annSummary struct {
	Engine        string            `json:"engine"` // "csss/summary"
	Version       string            `json:"version"`
	Set           string            `json:"set"`
	Metric        string            `json:"metric"`
	K             int               `json:"k"`
	Rows          int               `json:"rows"`
	At            []annAt           `json:"at"`
	BuildRatio    map[string]figure `json:"build_ratio_to_hnswlib,omitempty"` // of each of csss's modes
	CPUBuildRatio map[string]figure `json:"cpu_build_ratio_to_hnswlib,omitempty"`
	Load          string            `json:"load_average"` // at the end
}

// annAt is the summary at one recall.
type annAt struct {
	Recall    float64           `json:"recall"`
	QPS       map[string]figure `json:"qps"`
	AtLeast   []string          `json:"at_least,omitempty"`
	Mode      string            `json:"mode,omitempty"` // csss's that is fastest
	BestPeer  string            `json:"best_peer,omitempty"`
	ToBest    figure            `json:"ratio_to_best,omitempty"`
	ToHNSWLib figure            `json:"ratio_to_hnswlib,omitempty"`

	// The same by CPU time, for a machine that others use too.
	CPUToBest    figure `json:"cpu_ratio_to_best,omitempty"`
	CPUToHNSWLib figure `json:"cpu_ratio_to_hnswlib,omitempty"`
}

const annReference = "hnswlib/float32"

// finish writes the summary and draws the curves.
func (b *annBench) finish(field []*annContestant) error {
	version := field[len(field)-1].built.version // csss's modes come last
	s := annSummary{
		Engine: "csss/summary", Version: version, Set: b.set.Name, Metric: string(b.set.Metric), K: b.k,
		Rows: b.set.Base.Rows(), Load: loadAverage(),
	}
	for _, recall := range []float64{0.95, 0.99} {
		at := summarise(field, recall)
		s.At = append(s.At, at)
		b.tellAt(at)
	}
	s.BuildRatio = buildRatios(field, func(a annBuilt) float64 { return a.seconds })
	s.CPUBuildRatio = buildRatios(field, func(a annBuilt) float64 { return a.cpuSeconds })
	for _, mode := range slices.Sorted(maps.Keys(s.BuildRatio)) {
		b.row("build time of csss/%s, %s being 1: %v (CPU time %v)", mode, annReference, s.BuildRatio[mode], s.CPUBuildRatio[mode])
	}
	if err := b.draw(field); err != nil {
		return err
	}
	return b.line(s)
}

// buildRatios are the build times of csss's modes by hnswlib's, if it ran.
func buildRatios(field []*annContestant, time func(annBuilt) float64) map[string]figure {
	ratios := map[string]figure{}
	for _, reference := range field {
		for _, c := range field {
			if reference.curve.Name == annReference && c.name == "csss" {
				ratios[c.mode] = figure(time(c.built) / time(reference.built))
			}
		}
	}
	return ratios
}

// summarise compares the engines at a recall.
func summarise(field []*annContestant, recall float64) annAt {
	at := annAt{Recall: recall, QPS: map[string]figure{}}
	for _, c := range field {
		r := c.curve.At(recall)
		at.QPS[c.curve.Name] = figure(r.QPS)
		if r.AtLeast {
			at.AtLeast = append(at.AtLeast, c.curve.Name)
		}
	}
	ours, best, reference := leaders(field, func(c *annContestant) float64 { return c.curve.At(recall).QPS })
	at.Mode, at.BestPeer = ours.mode, best.name
	at.ToBest, at.ToHNSWLib = ours.over(best), ours.over(reference)
	ours, best, reference = leaders(field, func(c *annContestant) float64 { return c.cpu.At(recall).QPS })
	at.CPUToBest, at.CPUToHNSWLib = ours.over(best), ours.over(reference)
	return at
}

// leader is an engine that is ahead of others, or none.
type leader struct {
	name, mode string
	rate       float64
}

// over is the ratio of two rates, 0 if the second is none.
func (l leader) over(other leader) figure {
	if other.rate == 0 {
		return 0
	}
	return figure(l.rate / other.rate)
}

// leaders are csss's fastest mode, the fastest peer, and hnswlib.
func leaders(field []*annContestant, rate func(*annContestant) float64) (ours, best, reference leader) {
	for _, c := range field {
		l := leader{c.curve.Name, c.mode, rate(c)}
		if c.curve.Name == annReference {
			reference = l
		}
		switch {
		case c.name == "csss" && l.rate > ours.rate:
			ours = l
		case c.name != "csss" && l.rate > best.rate:
			best = l
		}
	}
	return ours, best, reference
}

// tellAt writes the comparison for people.
func (b *annBench) tellAt(at annAt) {
	b.row("at recall %v:", at.Recall)
	for _, name := range slices.Sorted(maps.Keys(at.QPS)) {
		switch q := at.QPS[name]; {
		case q == 0:
			b.row("  %-16s never", name)
		case slices.Contains(at.AtLeast, name):
			b.row("  %-16s ≥ %v queries/s", name, q)
		default:
			b.row("  %-16s %v queries/s", name, q)
		}
	}
	if at.BestPeer != "" {
		b.row("  csss/%s: %v × %s, the best peer (by CPU time %v ×)", at.Mode, at.ToBest, at.BestPeer, at.CPUToBest)
	}
	if at.ToHNSWLib != 0 {
		b.row("  csss/%s: %v × %s (by CPU time %v ×)", at.Mode, at.ToHNSWLib, annReference, at.CPUToHNSWLib)
	}
}

// draw draws the curves, if that was asked for.
func (b *annBench) draw(field []*annContestant) error {
	if b.plot == "" {
		return nil
	}
	curves := make([]curve.Curve, len(field))
	for i, c := range field {
		curves[i] = c.curve
	}
	title := fmt.Sprintf("%s, %d × %d, %s: recall@%d, M %d, efConstruction %d", b.set.Name, b.set.Base.Rows(), b.set.Base.Dim, b.set.Metric, b.k, b.m, b.efc)
	return vecfile.Replace(b.plot, func(w io.Writer) error { return curve.WriteSVG(w, title, curves) })
}
