package main

import (
	"context"
	"fmt"
)

// filterPoint is a line of the output.
type filterPoint struct {
	Engine         string         `json:"engine"`
	Version        string         `json:"version"`
	Set            string         `json:"set"`
	Metric         string         `json:"metric"`
	Mode           string         `json:"mode"`
	K              int            `json:"k"`
	Ef             int            `json:"ef"`
	Share          float64        `json:"share"`
	Kind           string         `json:"kind"`
	Recall         float64        `json:"recall"`
	QPS            figure         `json:"qps"`
	Path           string         `json:"path,omitempty"`
	Unfiltered     figure         `json:"unfiltered_qps"`
	CPUPerQuery    figure         `json:"cpu_us_per_query"`
	Ratio          figure         `json:"ratio_to_unfiltered"`
	CPURatio       figure         `json:"cpu_ratio_to_unfiltered"`
	UnfilteredGood float64        `json:"unfiltered_recall"`
	RecallTies     float64        `json:"recall_ties"`
	Matches        int            `json:"matches"`
	Paths          map[string]int `json:"paths,omitempty"`
	Visits         figure         `json:"visits,omitempty"`
	Rows           int            `json:"rows"`
	Dim            int            `json:"dim"`
	M              int            `json:"M"`
	EfConstruction int            `json:"efc"`
	Threads        int            `json:"threads"`
	Passes         int            `json:"passes"`
}

// takeTurns measures all engines in each cell, and writes the summary.
func (b *filterBench) takeTurns(ctx context.Context, field []*annContestant, all [][]int32, cells []*filterCell) error {
	var points []filterPoint
	b.row("%-16s %5s %-10s %6s %8s %10s %10s %7s  %s", "engine", "ef", "kind", "share", "recall", "queries/s", "unfiltered", "ratio", "path")
	for _, ef := range b.efs {
		for _, c := range cells {
			measured, err := b.turns(ctx, field, all, ef, c)
			if err != nil {
				return err
			}
			points = append(points, measured...)
		}
	}
	return b.finish(field, points)
}

// turns measures all engines in one cell.
func (b *filterBench) turns(ctx context.Context, field []*annContestant, all [][]int32, ef int, cell *filterCell) ([]filterPoint, error) {
	free, filtered := make([]annPass, len(field)), make([]annPass, len(field))
	without := annQuestion{ef: ef}
	with := annQuestion{ef: ef, filters: cell.filters, rows: b.set.Base.Rows()}
	for range b.passes {
		for i, c := range field {
			if err := b.bestOf(ctx, c, without, &free[i]); err != nil {
				return nil, err
			}
			if err := b.bestOf(ctx, c, with, &filtered[i]); err != nil {
				return nil, fmt.Errorf("%s filters of %v: %w", cell.kind, cell.share, err)
			}
		}
	}
	var points []filterPoint
	for i, c := range field {
		p := b.pointOf(c, ef, cell, free[i], filtered[i])
		p.UnfilteredGood, _ = b.recall(free[i].ids, func(q int) []int32 { return all[q] })
		if err := b.explain(&p, c.annEngine, with); err != nil {
			return nil, err
		}
		b.row("%-16s %5d %-10s %6v %8.4f %10v %10v %7v  %s", c.curve.Name, ef, cell.kind, cell.share, p.Recall, p.QPS, p.Unfiltered, p.Ratio, p.Path)
		if err := b.line(p); err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	return points, nil
}

// pointOf is the line of an engine in a cell.
func (b *filterBench) pointOf(c *annContestant, ef int, cell *filterCell, free, filtered annPass) filterPoint {
	queries := float64(b.set.Queries.Rows())
	p := filterPoint{
		Engine: c.name, Version: c.built.version, Set: b.set.Name, Metric: string(b.set.Metric), Mode: c.mode, K: b.k, Ef: ef,
		Share: cell.share, Kind: cell.kind, QPS: figure(queries / filtered.seconds), Unfiltered: figure(queries / free.seconds),
		CPUPerQuery: figure(1e6 * filtered.cpuSeconds / queries), Ratio: figure(free.seconds / filtered.seconds),
		CPURatio: figure(free.cpuSeconds / max(filtered.cpuSeconds, 1e-9)), Matches: cell.matches,
		Rows: b.set.Base.Rows(), Dim: b.set.Base.Dim, M: b.m, EfConstruction: b.efc, Threads: b.threads, Passes: b.passes,
	}
	p.Recall, p.RecallTies = b.recall(filtered.ids, func(q int) []int32 { return cell.truth[q] })
	return p
}

// explain asks csss once more, untimed, which way its searches take.
func (b *filterBench) explain(p *filterPoint, e annEngine, ask annQuestion) error {
	ours, is := e.(*annOurs)
	if !is {
		return nil
	}
	p.Paths = map[string]int{}
	visits := 0
	for q := range b.set.Queries.Rows() {
		t, err := ours.index.trace(b.set.Queries.Row(q), ask.ef, ask.filter(q))
		if err != nil {
			return err
		}
		visits += t.Visits
		path := t.Path.String()
		if p.Paths[path]++; p.Paths[path] > p.Paths[p.Path] {
			p.Path = path
		}
	}
	p.Visits = figure(float64(visits) / float64(b.set.Queries.Rows()))
	return nil
}

// filterSummary is the last line.
type filterSummary struct {
	Engine  string       `json:"engine"` // "csss/summary"
	Version string       `json:"version"`
	Set     string       `json:"set"`
	Metric  string       `json:"metric"`
	K       int          `json:"k"`
	Rows    int          `json:"rows"`
	Modes   []filterMode `json:"modes"`
	Load    string       `json:"load_average"` // at the end
}

// filterMode is what is worst of a mode at an ef.
type filterMode struct {
	Mode        string   `json:"mode"`
	Ef          int      `json:"ef"`
	Recall      filterAt `json:"least_recall"`
	Ratio       filterAt `json:"least_ratio_to_unfiltered"`
	ToPeer      filterAt `json:"least_ratio_to_hnswlib,omitzero"`
	ToPeerOfFew filterAt `json:"least_ratio_to_hnswlib_at_1_percent,omitzero"`
}

// filterAt is a figure and the cell it was found in.
type filterAt struct {
	Value figure  `json:"value"`
	Kind  string  `json:"kind"`
	Share float64 `json:"share"`
}

// lower puts a lower figure in the place of a.
func (a *filterAt) lower(value figure, p filterPoint) {
	if a.Kind == "" || value < a.Value {
		*a = filterAt{value, p.Kind, p.Share}
	}
}

// finish writes the summary.
func (b *filterBench) finish(field []*annContestant, points []filterPoint) error {
	s := filterSummary{Engine: "csss/summary", Version: field[len(field)-1].built.version, Set: b.set.Name, Metric: string(b.set.Metric),
		K: b.k, Rows: b.set.Base.Rows(), Load: loadAverage()}
	for _, mode := range b.modes {
		for _, ef := range b.efs {
			s.Modes = append(s.Modes, worst(points, mode, ef))
		}
	}
	for _, m := range s.Modes {
		b.row("csss/%s, ef %d: least recall %v (%s %v), least speed %v × unfiltered (%s %v)",
			m.Mode, m.Ef, m.Recall.Value, m.Recall.Kind, m.Recall.Share, m.Ratio.Value, m.Ratio.Kind, m.Ratio.Share)
		if m.ToPeer.Kind != "" {
			b.row("  least speed %v × hnswlib (%s %v)", m.ToPeer.Value, m.ToPeer.Kind, m.ToPeer.Share)
		}
		if m.ToPeerOfFew.Kind != "" {
			b.row("  least speed %v × hnswlib where 1 %% of the rows match or less (%s %v)", m.ToPeerOfFew.Value, m.ToPeerOfFew.Kind, m.ToPeerOfFew.Share)
		}
	}
	return b.line(s)
}

// worst finds what is least of a mode at an ef.
func worst(points []filterPoint, mode string, ef int) filterMode {
	m := filterMode{Mode: mode, Ef: ef}
	for _, p := range points {
		if p.Engine != "csss" || p.Mode != mode || p.Ef != ef {
			continue
		}
		m.Recall.lower(figure(p.Recall), p)
		m.Ratio.lower(p.Ratio, p)
		for _, peer := range points {
			if peer.Engine != "hnswlib" || peer.Ef != ef || peer.Kind != p.Kind || peer.Share != p.Share {
				continue
			}
			m.ToPeer.lower(p.QPS/peer.QPS, p)
			if p.Share <= 0.01 {
				m.ToPeerOfFew.lower(p.QPS/peer.QPS, p)
			}
		}
	}
	return m
}
