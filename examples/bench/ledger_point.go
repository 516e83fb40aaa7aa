package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
)

// engine is what takes turns at a point.
type engine interface {
	run(ctx context.Context, d time.Duration) (load.Sample, error)
	// close ends it and says what to add to its line.
	close(line *pointLine) error
}

// pointLine is one line of one engine at one point. The first eight keys are
// the contract.
type pointLine struct {
	Engine      string `json:"engine"`
	Writers     int    `json:"writers"`
	Batch       int    `json:"batch"`
	EntriesPerS figure `json:"entries_per_s"`
	P50         figure `json:"p50_ms"`
	P99         figure `json:"p99_ms"`
	CPU         figure `json:"cpu_us_per_entry"`
	RatioToRaw  figure `json:"ratio_to_raw"`

	MedianRatio     figure            `json:"median_ratio_to_raw"`
	P50Ratio        figure            `json:"p50_ratio_to_raw"`
	Version         string            `json:"version,omitempty"`
	BytesPerEntry   figure            `json:"bytes_per_entry,omitempty"`
	Groups          int               `json:"groups,omitempty"`
	EntriesPerGroup figure            `json:"entries_per_group,omitempty"`
	RatioToSingle   figure            `json:"ratio_to_single,omitempty"`
	RatioToPeers    map[string]figure `json:"ratio_to_peers,omitempty"`
	Primitives      figure            `json:"primitives_us,omitempty"`
	CPURatio        figure            `json:"cpu_ratio_to_primitives,omitempty"`
}

// contestant is an engine at a point with what it has shown so far.
type contestant struct {
	engine
	name   string
	dir    string
	sample load.Sample
	rates  []float64 // of each slice
}

// median is that of the slices' rates, each divided by the one of another
// engine in the same turn: a disk that was slow for a while does not move it.
func (c *contestant) median(other *contestant) figure {
	ratios := make([]float64, len(c.rates))
	for i := range ratios {
		ratios[i] = c.rates[i] / other.rates[i]
	}
	slices.Sort(ratios)
	return figure(ratios[(len(ratios)-1)/2]+ratios[len(ratios)/2]) / 2
}

// inMemory is the latency, in milliseconds, that no disk has.
const inMemory = 0.01

// settle is the pause between two slices, in which work that an engine left to
// the background does not disturb the next one.
const settle = 20 * time.Millisecond

// measurePoint lets all engines take turns at one point and writes their lines:
// raw first, csss last.
func (b *ledgerBench) measurePoint(ctx context.Context, writers, batch int) (err error) {
	field, err := b.open(ctx, writers, batch)
	defer func() {
		for _, c := range field {
			err = errors.Join(err, os.RemoveAll(c.dir))
		}
	}()
	if err == nil {
		err = b.takeTurns(ctx, field)
	}
	lines := make([]pointLine, len(field))
	for i, c := range field {
		err = errors.Join(err, c.close(&lines[i]))
	}
	if err != nil {
		return err
	}
	return b.finish(field, lines, writers, batch)
}

// open opens all engines at a point, each in a folder of its own.
func (b *ledgerBench) open(ctx context.Context, writers, batch int) (field []*contestant, err error) {
	add := func(name string, open func(dir string) (engine, error)) {
		if err != nil {
			return
		}
		c := &contestant{name: name}
		if c.dir, err = b.folder(fmt.Sprintf("point-%d", len(field))); err != nil {
			return
		}
		if c.engine, err = open(c.dir); err == nil {
			field = append(field, c)
		}
	}
	add("raw", func(dir string) (engine, error) { return openRaw(dir, writers*batch, b.frame) })
	for _, name := range b.peers.engines() {
		add(name, func(dir string) (engine, error) { return b.openPeer(name, dir, writers, batch) })
	}
	add("csss", func(dir string) (engine, error) { return b.openCSSS(ctx, dir, writers, batch) })
	return field, err
}

// takeTurns gives each engine a short slice that does not count, and then its
// slices, starting with another engine each time. Where calls take so long that
// a slice lasts much longer than it should, there are fewer.
func (b *ledgerBench) takeTurns(ctx context.Context, field []*contestant) error {
	for _, c := range field {
		if _, err := c.run(ctx, b.slice()/5); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	limit := time.Now().Add(time.Duration(2*b.slices*len(field)) * b.slice())
	for turn := range b.slices {
		for i := range field {
			time.Sleep(settle)
			c := field[(turn+i)%len(field)]
			s, err := c.run(ctx, b.slice())
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.sample.Add(s)
			c.rates = append(c.rates, s.Rate())
		}
		if time.Now().After(limit) {
			return nil
		}
	}
	return nil
}

// finish completes the lines of a point and writes them.
func (b *ledgerBench) finish(field []*contestant, lines []pointLine, writers, batch int) error {
	raw := field[0].sample.Rate()
	if field[0].sample.Quantile(0.5) < inMemory && !b.warned {
		b.warned = true
		b.note("a write and its sync take less than %v ms: this folder is in memory; give -dir a folder on a disk", inMemory)
	}
	toPeers := map[string]figure{}
	for i, c := range field {
		l, s := &lines[i], c.sample
		l.Engine, l.Writers, l.Batch = c.name, writers, batch
		l.EntriesPerS, l.CPU = figure(s.Rate()), figure(s.CPUPerEntry())
		l.P50, l.P99 = figure(s.Quantile(0.5)), figure(s.Quantile(0.99))
		l.RatioToRaw, l.MedianRatio = figure(s.Rate()/raw), c.median(field[0])
		l.P50Ratio = figure(s.Quantile(0.5) / field[0].sample.Quantile(0.5))
		if c.name != "raw" && c.name != "csss" {
			toPeers[c.name] = figure(field[len(field)-1].sample.Rate() / s.Rate())
		}
		if c.name == "csss" {
			b.completeCSSS(l, s, toPeers)
		}
		if err := b.line(*l); err != nil {
			return err
		}
		b.row("%-12s %8d %6d %14v %10v %10v %12v %8v %8v", c.name, writers, batch, l.EntriesPerS, l.P50, l.P99, l.CPU, l.RatioToRaw, l.MedianRatio)
	}
	return nil
}

// completeCSSS adds what only the ledger's line has.
func (b *ledgerBench) completeCSSS(l *pointLine, s load.Sample, toPeers map[string]figure) {
	l.RatioToPeers = toPeers
	l.Primitives = figure(b.primitives.Sum)
	l.CPURatio = figure(s.CPUPerEntry() / float64(b.primitives.Sum))
	if l.Writers == 1 && l.Batch == 1 {
		b.single = s.Rate()
	}
	if b.single > 0 {
		l.RatioToSingle = figure(s.Rate() / b.single)
	}
}
