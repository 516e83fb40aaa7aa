package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/explore"
)

func (b *disclosureBench) states(context.Context) (finding, error) {
	every := explore.States(disclosure.Present(), 0)
	long := explore.Sequences(disclosure.Present(), b.depth)
	broken := append(every.Violations, long.Violations...)
	return finding{
		Count: every.Accepted + every.Rejected + long.Accepted + long.Rejected, States: every.States, Sequences: long.Sequences, Commands: long.Commands,
		Violations: len(broken), Broken: broken,
	}, nil
}

func (b *disclosureBench) nonInterference(context.Context) (finding, error) {
	r := explore.Pairs(disclosure.Present(), 0)
	return finding{Count: r.States, Violations: len(r.Violations), Broken: r.Violations}, nil
}

// mutants counts the guards that may be taken away without anybody noticing.
func (b *disclosureBench) mutants(context.Context) (finding, error) {
	var f finding
	for _, m := range explore.Mutants() {
		f.Count++
		if m.KilledBy == "" {
			f.Violations++
			f.Broken = append(f.Broken, "nothing misses "+m.Guard)
			continue
		}
		f.Killed = append(f.Killed, m.Guard)
	}
	return f, nil
}

func (b *disclosureBench) linearizable(context.Context) (finding, error) {
	r := explore.Histories(b.histories, b.seed)
	return finding{Count: r.Sequences, Violations: len(r.Violations), Broken: r.Violations}, nil
}

func (b *disclosureBench) crashes(context.Context) (finding, error) {
	r := explore.Crashes(b.scenarios, b.seed)
	return finding{Count: r.Sequences, Violations: len(r.Violations), Broken: r.Violations}, nil
}

// spin runs the model's own script, which prints a line for each configuration.
func (b *disclosureBench) spin(ctx context.Context) (finding, error) {
	for _, tool := range []string{"bash", "spin", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			return finding{Skip: tool + " is not installed"}, nil
		}
	}
	script, err := filepath.Abs(filepath.Join(b.model, "run.sh"))
	if err != nil {
		return finding{}, err
	}
	cmd := exec.CommandContext(ctx, "bash", script, "-json", "quick")
	cmd.Stderr = b.notes
	out, err := cmd.Output()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		return finding{}, fmt.Errorf("the model: %w", err)
	}
	f, readErr := readSpin(out)
	if readErr == nil && f.Count == 0 {
		readErr = fmt.Errorf("the model: no line from %s", filepath.Base(script))
	}
	return f, readErr
}

// readSpin adds up what the model's script printed.
func readSpin(out []byte) (finding, error) {
	var f finding
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var l struct {
			Name       string `json:"name"`
			States     int    `json:"states"`
			Violations int    `json:"violations"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return f, fmt.Errorf("the model: %w", err)
		}
		f.Count += l.States
		f.Violations += l.Violations
		f.Configurations = append(f.Configurations, l.Name)
		if l.Violations > 0 {
			f.Broken = append(f.Broken, l.Name)
		}
	}
	return f, lines.Err()
}

// more is what a line of the table says beside the keys that all checks have.
func (f finding) more() string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if f.States > 0 {
		add("%s states, %s sequences of %s commands", figure(f.States), figure(f.Sequences), figure(f.Commands))
	}
	if len(f.Configurations) > 0 {
		add("%s", strings.Join(f.Configurations, ", "))
	}
	if len(f.Killed) > 0 {
		add("%d killed", len(f.Killed))
	}
	if f.P99 > 0 {
		add("freeze p50 %s ms, p99 %s ms, %s kept", f.P50, f.P99, f.Kept)
	}
	if f.NsPerStep > 0 {
		add("%s ns a step, %s allocs, %s commands/s, p99 %s µs", f.NsPerStep, *f.Allocs, f.CommandsPerS, f.P99us)
	}
	for _, x := range []any{f.Frontier, f.Lost, f.Score} {
		if s, ok := x.(fmt.Stringer); ok {
			add("%s", s)
		}
	}
	return strings.Join(words, "; ")
}
