package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
)

// peerEngines are the engines of each peer that -peers may name.
var peerEngines = map[string][]string{
	"sqlite": {"sqlite"},
	"bbolt":  {"bbolt", "bbolt/plain"},
}

// peersPackage is the nested module with the program that runs them.
const peersPackage = "examples/bench/peers"

// peers is the program with the peers, running. A nil *peers has none.
type peers struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	client *load.Client
	names  []string // of engines
	errors *bytes.Buffer
}

// startPeers builds and starts the program. A peer that is not to be had, or all
// of them if the program cannot be built, is skipped with a line.
func (b *ledgerBench) startPeers(ctx context.Context) (*peers, error) {
	p := &peers{errors: &bytes.Buffer{}}
	var named []string
	for _, name := range b.peerNames {
		engines, known := peerEngines[name]
		if !known {
			if err := b.skip(name, "not a peer of this benchmark: it has sqlite and bbolt"); err != nil {
				return nil, err
			}
			continue
		}
		named, p.names = append(named, name), append(p.names, engines...)
	}
	if len(named) == 0 {
		return nil, nil
	}
	b.note("building %s …", strings.Join(named, ", "))
	program, err := b.buildPeers(ctx)
	if err == nil {
		err = p.start(ctx, program)
	}
	if err == nil {
		return p, nil
	}
	for _, name := range named {
		if err := b.skip(name, "cannot be built here: "+err.Error()); err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// buildPeers compiles the nested module and returns the program.
func (b *ledgerBench) buildPeers(ctx context.Context) (string, error) {
	root, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/deeperpoint/csss"))
	if err != nil {
		return "", err
	}
	program := filepath.Join(b.dir, "peers.exe")
	_, err = output(exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, filepath.FromSlash(peersPackage)), "-o", program, "."))
	return program, err
}

// output returns the first line a command prints, or as an error the last line
// of its complaint.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
		return "", fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, err
}

func (p *peers) start(ctx context.Context, program string) error {
	p.cmd = exec.CommandContext(ctx, program)
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
	p.stdin, p.client = stdin, load.NewClient(stdin, stdout)
	return p.cmd.Start()
}

// stop ends the program and waits for it.
func (p *peers) stop() error {
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
func (p *peers) engines() []string {
	if p == nil {
		return nil
	}
	return p.names
}

// open opens one peer in a folder.
func (p *peers) open(b *ledgerBench, name, dir string, writers, batch int) (engine, error) {
	a, err := p.client.Ask(load.Ask{
		Do: "open", Engine: name, Dir: dir, Seed: b.seed, Payload: b.payload, Follow: b.follow, Writers: writers, Batch: batch,
	})
	return &peerEngine{client: p.client, name: name, version: a.Version}, err
}

// peerEngine is one peer at one point.
type peerEngine struct {
	client        *load.Client
	name, version string
	entries       int
}

func (e *peerEngine) run(_ context.Context, d time.Duration) (load.Sample, error) {
	a, err := e.client.Ask(load.Ask{Do: "run", Engine: e.name, Seconds: d.Seconds()})
	e.entries += a.Sample.Entries
	return a.Sample, err
}

func (e *peerEngine) close(line *pointLine) error {
	a, err := e.client.Ask(load.Ask{Do: "close", Engine: e.name})
	line.Version = e.version
	line.BytesPerEntry = figure(float64(a.Bytes) / float64(max(e.entries, 1)))
	return err
}
