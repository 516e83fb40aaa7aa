package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/examples/bench/lines"
)

// peersModule is the nested module with the programs that run peers.
const peersModule = "examples/bench/peers"

// peerProgram is one of these programs.
type peerProgram struct {
	folder  string              // in the module
	engines map[string][]string // of each peer that -peers may name
}

// peers is such a program, running. A nil *peers has no engines.
type peers[Q, A any] struct {
	*lines.Client[Q, A]
	cmd    *exec.Cmd
	stdin  io.Closer
	names  []string // of engines
	errors *bytes.Buffer
}

// startPeers builds a program into a folder and starts it. A peer that is not
// to be had, or all of them if the program cannot be built, is skipped with a
// line.
func startPeers[Q, A any](ctx context.Context, r *report, p peerProgram, asked names, dir string) (*peers[Q, A], error) {
	running := &peers[Q, A]{errors: &bytes.Buffer{}}
	var named []string
	for _, name := range asked {
		engines, known := p.engines[name]
		if !known {
			has := strings.Join(slices.Sorted(maps.Keys(p.engines)), " and ")
			if err := r.skip(name, "not a peer of this benchmark: it has "+has); err != nil {
				return nil, err
			}
			continue
		}
		named, running.names = append(named, name), append(running.names, engines...)
	}
	if len(named) == 0 {
		return nil, nil
	}
	r.note("building %s …", strings.Join(named, ", "))
	program, err := p.build(ctx, dir)
	if err == nil {
		err = running.start(ctx, program)
	}
	if err == nil {
		return running, nil
	}
	for _, name := range named {
		if err := r.skip(name, "cannot be built here: "+err.Error()); err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// build compiles the program and returns where it is.
func (p peerProgram) build(ctx context.Context, dir string) (string, error) {
	module, err := peersSource(ctx)
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "peers.exe")
	_, err = output(exec.CommandContext(ctx, "go", "build", "-C", module, "-o", program, p.folder))
	return program, err
}

// peersSource returns the folder of the nested module.
func peersSource(ctx context.Context) (string, error) {
	root, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/deeperpoint/csss"))
	return filepath.Join(root, filepath.FromSlash(peersModule)), err
}

// output returns the first line a command prints, or as an error the last line
// of its complaint.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		complaint := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
		return "", fmt.Errorf("%w: %s", err, complaint[len(complaint)-1])
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, err
}

func (p *peers[Q, A]) start(ctx context.Context, program string, args ...string) error {
	p.cmd = exec.CommandContext(ctx, program, args...)
	p.cmd.Stderr = p.errors
	p.cmd.WaitDelay = 10 * time.Second
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.stdin, p.Client = stdin, lines.NewClient[Q, A](stdin, stdout)
	return p.cmd.Start()
}

// stop ends the program and waits for it.
func (p *peers[Q, A]) stop() error {
	if p == nil {
		return nil
	}
	err := errors.Join(p.stdin.Close(), p.cmd.Wait())
	if err != nil {
		return fmt.Errorf("peers: %w: %s", err, strings.TrimSpace(p.errors.String()))
	}
	return nil
}

// engines are the names of the engines that run.
func (p *peers[Q, A]) engines() []string {
	if p == nil {
		return nil
	}
	return p.names
}
