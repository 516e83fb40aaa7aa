package main

import (
	"context"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
)

// storePeers are the stores that -peers may name.
var storePeers = peerProgram{folder: ".", engines: map[string][]string{
	"sqlite": {"sqlite"},
	"bbolt":  {"bbolt", "bbolt/plain"},
}}

// stores is the program with the stores, running.
type stores = peers[load.Ask, load.Answer]

// openPeer opens one peer in a folder.
func (b *ledgerBench) openPeer(name, dir string, writers, batch int) (engine, error) {
	a, err := b.peers.Ask(load.Ask{
		Do: "open", Engine: name, Dir: dir, Seed: b.seed, Payload: b.payload, Follow: b.follow, Writers: writers, Batch: batch,
	})
	return &peerEngine{stores: b.peers, name: name, version: a.Version}, err
}

// peerEngine is one peer at one point.
type peerEngine struct {
	stores        *stores
	name, version string
	entries       int
}

func (e *peerEngine) run(_ context.Context, d time.Duration) (load.Sample, error) {
	a, err := e.stores.Ask(load.Ask{Do: "run", Engine: e.name, Seconds: d.Seconds()})
	e.entries += a.Sample.Entries
	return a.Sample, err
}

func (e *peerEngine) close(line *pointLine) error {
	a, err := e.stores.Ask(load.Ask{Do: "close", Engine: e.name})
	line.Version = e.version
	line.BytesPerEntry = figure(float64(a.Bytes) / float64(max(e.entries, 1)))
	return err
}
