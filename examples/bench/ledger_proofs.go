package main

import (
	"context"
	"crypto/sha256"
	"runtime"

	"github.com/deeperpoint/csss/ledger"
)

// proofsLine is the line of csss/proofs.
type proofsLine struct {
	Engine       string `json:"engine"`
	Entries      int    `json:"entries"`
	Prove        figure `json:"prove_ns"` // an inclusion proof in the newest tree
	ProveAllocs  figure `json:"prove_allocs"`
	Verify       figure `json:"verify_ns"`
	VerifyAllocs figure `json:"verify_allocs"`
	SHA          figure `json:"sha_ns"`              // the hashes of tree nodes that a verifier must make
	Ratio        figure `json:"verify_ratio_to_sha"` // Verify divided by SHA
	File         int    `json:"proof_bytes"`         // a tlog-proof file with a signed checkpoint
	Receipt      int    `json:"receipt_bytes"`       // the same with the leaf record
}

// proofSpread is how far apart the entries are that are proved in turn: an odd
// number, so that it visits all.
const proofSpread = 7_654_321

func (b *ledgerBench) measureProofs(ctx context.Context) error {
	if b.proofs == 0 {
		return nil
	}
	return b.withFilled(ctx, b.proofs, func(log *ledger.Log) error {
		line, err := proofs(ctx, log)
		if err != nil {
			return err
		}
		b.row("proofs at %v entries: made in %v ns (%v allocs), verified in %v ns (%v allocs, %v x the SHA-256 bound of %v ns), proof file %d bytes, with the leaf %d",
			figure(line.Entries), line.Prove, line.ProveAllocs, line.Verify, line.VerifyAllocs, line.Ratio, line.SHA, line.File, line.Receipt)
		return b.line(line)
	})
}

func proofs(ctx context.Context, log *ledger.Log) (proofsLine, error) {
	size := log.Size()
	line := proofsLine{Engine: "csss/proofs", Entries: int(size)}
	receipt, err := log.ExportReceipt(ctx, size/3)
	if err != nil {
		return line, err
	}
	file, err := log.ExportProof(ctx, size/3)
	if err != nil {
		return line, err
	}
	line.File, line.Receipt = len(file), len(receipt)
	var failed error
	at := uint64(0)
	prove := func() ledger.Proof {
		at = (at + proofSpread) % size
		p, err := log.Prove(ctx, at, size)
		if err != nil {
			failed = err
		}
		return p
	}
	one := prove()
	if failed != nil {
		return line, failed
	}
	var proof ledger.Proof
	line.Prove = 1000 * cpuMicros(func() { proof = prove() })
	line.ProveAllocs = allocs(func() { proof = prove() })
	verify := func() {
		if err := proof.Verify(one.Root); err != nil {
			failed = err
		}
	}
	// The same proof is verified and bounded: one of full depth.
	proof = one
	line.Verify = 1000 * cpuMicros(verify)
	line.VerifyAllocs = allocs(verify)
	var node [nodeBytes]byte
	line.SHA = 1000 * cpuMicros(func() {
		for range len(one.Hashes) {
			sum := sha256.Sum256(node[:])
			copy(node[1:], sum[:])
		}
	})
	line.Ratio = line.Verify / line.SHA
	return line, failed
}

// allocs returns the allocations of one call.
func allocs(do func()) figure {
	const times = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		do()
	}
	runtime.ReadMemStats(&after)
	return figure(after.Mallocs-before.Mallocs) / times
}
