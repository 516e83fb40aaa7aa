package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
	"github.com/deeperpoint/csss/examples/bench/vecset"
)

// annPeers are the peers by name: the modes they run in, and what finds or
// makes the command that runs one.
var annPeers = map[string]struct {
	modes   []string
	command func(ctx context.Context, sources, cache string) ([]string, error)
}{
	"hnswlib": {[]string{"float32"}, compileHNSWLib},
	"faiss":   {[]string{"float32", "sq8"}, wheel("faiss", "faiss-cpu")},
	"usearch": {[]string{"float32", "i8"}, wheel("usearch", "usearch")},
}

// annPeer is a peer's program, see examples/bench/peers/ann: a question is 0 to
// build or to replace rows, or the ef of a pass, less than 0 under filters.
type annPeer struct {
	*peers[int, annAnswer]
	rows  []uint32 // that are linked at first; nil means all
	file  string   // from which it reads filters, or which rows to replace
	ended bool
}

// annAnswer is what such a program says.
type annAnswer struct {
	Version string  `json:"version"` // of a build
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_s"`
	Bytes   int64   `json:"bytes"` // of a build
	IDs     []int32 `json:"ids"`   // of a pass
}

func (p *annPeer) build(ctx context.Context) (annBuilt, error) {
	if p.rows != nil {
		return p.replace(ctx, nil, p.rows)
	}
	return p.change()
}

func (p *annPeer) change() (annBuilt, error) {
	a, err := p.Ask(0)
	return annBuilt{version: a.Version, seconds: a.Seconds, cpuSeconds: a.CPU, bytes: a.Bytes}, p.explain(err)
}

// replace writes both lists into the file, each after its length.
func (p *annPeer) replace(_ context.Context, gone, fresh []uint32) (annBuilt, error) {
	var content []byte
	for _, list := range [][]uint32{gone, fresh} {
		content = binary.LittleEndian.AppendUint32(content, uint32(len(list)))
		for _, row := range list {
			content = binary.LittleEndian.AppendUint32(content, row)
		}
	}
	if err := os.WriteFile(p.file, content, 0o600); err != nil {
		return annBuilt{}, err
	}
	return p.change()
}

func (p *annPeer) pass(_ context.Context, q annQuestion) (annPass, error) {
	ef := q.ef
	if q.filters != nil {
		if err := os.WriteFile(p.file, q.bits(), 0o600); err != nil {
			return annPass{}, err
		}
		ef = -ef
	}
	a, err := p.Ask(ef)
	return annPass{a.Seconds, a.CPU, a.IDs}, p.explain(err)
}

// bits are the filters as peers read them: a bit for each row, in whole bytes for
// each query.
func (q annQuestion) bits() []byte {
	size := (q.rows + 7) / 8
	out := make([]byte, len(q.filters)*size)
	for i, f := range q.filters {
		row := out[i*size:]
		f.Iterate(func(id uint32) bool {
			row[id/8] |= 1 << (id % 8)
			return true
		})
	}
	return out
}

func (p *annPeer) close() error {
	if p.ended {
		return nil
	}
	p.ended = true
	return p.stop()
}

// explain ends a program that does not answer, and adds what it has said last.
func (p *annPeer) explain(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, p.close())
}

// openPeers starts the peers that were asked for and are to be had; the others
// are skipped with a line.
func (b *vectorBench) openPeers(ctx context.Context, dir string, task vectorTask) (field []*annContestant, err error) {
	if len(b.peerNames) == 0 {
		return nil, nil
	}
	base, queries := filepath.Join(dir, "base.fbin"), filepath.Join(dir, "queries.fbin")
	write := func(path string, t vecset.Table) error {
		return vecfile.Replace(path, func(w io.Writer) error { return vecfile.WriteFloats(w, t) })
	}
	if err := errors.Join(write(base, b.set.Base), write(queries, b.set.Queries)); err != nil {
		return nil, err
	}
	metric := "ip" // of unit vectors under cosine
	if b.set.Metric == vecset.L2 {
		metric = "l2"
	}
	args := []string{base, queries, metric, strconv.Itoa(b.m), strconv.Itoa(b.efc), strconv.Itoa(b.k)}
	for _, name := range b.peerNames {
		command, err := b.peerCommand(ctx, name)
		if ctx.Err() != nil {
			return field, ctx.Err()
		} else if err != nil {
			if err := b.skip(name, err.Error()); err != nil {
				return field, err
			}
			continue
		}
		for _, mode := range annPeers[name].modes {
			p := &annPeer{peers: &peers[int, annAnswer]{errors: &bytes.Buffer{}}, rows: task.rows}
			with := slices.Concat(command[1:], args, []string{mode})
			if task.verb != "" {
				p.file = filepath.Join(dir, name+"-"+mode)
				with = append(with, task.verb, p.file)
			}
			if err := p.start(ctx, command[0], with...); err != nil {
				return field, err
			}
			field = append(field, &annContestant{annEngine: p, name: name, mode: mode})
		}
	}
	return field, nil
}

// peerCommand returns the command that runs a peer.
func (b *vectorBench) peerCommand(ctx context.Context, name string) ([]string, error) {
	peer, known := annPeers[name]
	if !known || !slices.Contains(b.hasPeers, name) {
		return nil, errors.New("not a peer of this benchmark: it has " + strings.Join(b.hasPeers, ", "))
	}
	module, err := peersSource(ctx)
	if err != nil {
		return nil, err
	}
	b.note("preparing %s …", name)
	return peer.command(ctx, filepath.Join(module, "ann"), b.cache)
}

// compileHNSWLib returns the program that was compiled from our source and
// hnswlib's headers, compiling it if it is not there.
func compileHNSWLib(ctx context.Context, sources, cache string) ([]string, error) {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		return nil, fmt.Errorf("no C++ compiler: %w", err)
	}
	headers, version, err := hnswlibHeaders(ctx, cache)
	if err != nil {
		return nil, err
	}
	source := filepath.Join(sources, "hnswlib.cpp")
	text, err := os.ReadFile(source)
	if err != nil {
		return nil, err
	}
	options := []string{"-O3", "-march=native", "-DNDEBUG", "-std=c++17", "-w", "-DPEER_VERSION=\"" + version + "\"", "-I", headers}
	built, err := output(exec.CommandContext(ctx, compiler, "--version"))
	if err != nil {
		return nil, err
	}
	cpu, _ := os.ReadFile("/proc/cpuinfo") // what -march=native depends on; elsewhere the name of the compiler must do
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%q\n%s", text, built, options, cpuFlags(string(cpu))))
	program := filepath.Join(cache, "hnswlib-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(program); err == nil {
		return []string{program}, nil
	}
	fresh := program + ".new"
	if _, err := output(exec.CommandContext(ctx, compiler, append(options, "-o", fresh, source)...)); err != nil {
		return nil, fmt.Errorf("cannot be compiled: %w", err)
	}
	return []string{program}, os.Rename(fresh, program)
}

// cpuFlags returns the line that lists what a processor can do.
func cpuFlags(info string) string {
	for line := range strings.Lines(info) {
		if strings.HasPrefix(line, "flags") || strings.HasPrefix(line, "Features") {
			return line
		}
	}
	return ""
}

// hnswlibHeaders returns the folder of the headers and their version: those of
// the newest source release, which is fetched once, or else Debian's.
func hnswlibHeaders(ctx context.Context, cache string) (folder, version string, err error) {
	sources := filepath.Join(cache, "hnswlib-source")
	if folder, version, err = unpackedHNSWLib(sources); err == nil {
		return folder, version, nil
	}
	fetched := fetchHNSWLib(ctx, sources)
	if fetched == nil {
		return unpackedHNSWLib(sources)
	}
	version, err = output(exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}\n", "libhnswlib-dev"))
	if err != nil {
		return "", "", fmt.Errorf("neither PyPI's source release (%w) nor Debian's libhnswlib-dev (%w) is here", fetched, err)
	}
	return "/usr/include", version, nil
}

// unpackedHNSWLib returns the headers in a folder with a source release.
func unpackedHNSWLib(sources string) (folder, version string, err error) {
	found, err := filepath.Glob(filepath.Join(sources, "hnswlib-*", "hnswlib", "hnswlib.h"))
	if err != nil || len(found) == 0 {
		return "", "", errors.Join(err, errors.New("a source release without hnswlib.h"))
	}
	folder = filepath.Dir(filepath.Dir(found[len(found)-1]))
	return folder, strings.TrimPrefix(filepath.Base(folder), "hnswlib-"), nil
}

// fetchHNSWLib has pip fetch the source release, and unpacks it.
func fetchHNSWLib(ctx context.Context, sources string) error {
	if err := os.MkdirAll(sources, 0o755); err != nil {
		return err
	}
	_, err := output(exec.CommandContext(ctx, "python3", "-m", "pip", "download", "-q", "--disable-pip-version-check",
		"--no-deps", "--no-binary", "hnswlib", "-d", sources, "hnswlib"))
	if err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(sources, "hnswlib-*.tar.gz"))
	if err != nil || len(archives) == 0 {
		return errors.Join(err, errors.New("pip fetched no archive"))
	}
	_, err = output(exec.CommandContext(ctx, "tar", "-xzf", archives[len(archives)-1], "-C", sources))
	return err
}

// wheel returns what runs a package of PyPI in a virtual environment, which is
// made if it is not there.
func wheel(module, pkg string) func(ctx context.Context, sources, cache string) ([]string, error) {
	return func(ctx context.Context, sources, cache string) ([]string, error) {
		folder := filepath.Join(cache, "python-"+module)
		python := filepath.Join(folder, "bin", "python")
		command := []string{python, filepath.Join(sources, "wheels.py"), module}
		imports := func() error {
			_, err := output(exec.CommandContext(ctx, python, "-c", "import numpy, "+module))
			return err
		}
		if imports() == nil {
			return command, nil
		}
		if _, err := output(exec.CommandContext(ctx, "python3", "-m", "venv", "--clear", folder)); err != nil {
			return nil, fmt.Errorf("no virtual environment: %w", err)
		}
		if _, err := output(exec.CommandContext(ctx, python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
			"--only-binary", ":all:", "numpy", pkg)); err != nil {
			return nil, fmt.Errorf("pip has no wheel of it: %w", err)
		}
		return command, imports()
	}
}
