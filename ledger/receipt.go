package ledger

import (
	"bytes"
	"context"
	"errors"
	"time"

	tlogproof "github.com/transparency-dev/formats/proof"
)

// MaxReceipt is the largest receipt file [VerifyReceipt] looks at, in bytes.
const MaxReceipt = 64 << 10

// ExportReceipt returns one file that proves, without the log, that an entry is
// in it: a c2sp.org/tlog-proof@v1 text with the index, the inclusion proof, a
// signed checkpoint, and the leaf record in its extra line. It holds nothing of
// the entry but its engine time, its public attributes and commitments; it does
// show the entry's index and the size of a tree. About 1,350 bytes at a million
// entries, and 110 for each further signature.
//
// The checkpoint is the newest that was cosigned, if the entry is in its tree,
// else the newest; where the store takes no writes, the newest that was signed. Errors: [RangeError], and those of [Log.Checkpoint].
func (l *Log) ExportReceipt(ctx context.Context, index uint64) ([]byte, error) {
	return l.export(ctx, index, true)
}

// ExportProof returns the file of [Log.ExportReceipt] without the leaf record: for
// who has the leaf, or its hash from the [Receipt] of the append, and checks with
// [Verifier.Proof]. Below 1,200 bytes at a million entries. Errors as there.
func (l *Log) ExportProof(ctx context.Context, index uint64) ([]byte, error) {
	return l.export(ctx, index, false)
}

func (l *Log) export(ctx context.Context, index uint64, withLeaf bool) ([]byte, error) {
	if size := l.Size(); index >= size {
		return nil, &RangeError{Field: "index", Value: index, Limit: size}
	}
	l.mu.RLock()
	signed := l.cosigned
	l.mu.RUnlock()
	if index >= signed.size {
		var err error
		if signed, err = l.checkpoint(ctx); errors.Is(err, ErrReadOnly) {
			signed, err = l.signedBefore(index, err)
		}
		if err != nil {
			return nil, err
		}
	}
	p, err := l.Prove(ctx, index, signed.size)
	if err != nil {
		return nil, err
	}
	file := tlogproof.TLogProof{Index: index, Checkpoint: signed.note}
	if withLeaf {
		f, err := l.frame(ctx, index)
		if err != nil {
			return nil, err
		}
		file.ExtraData = f.Leaf
	}
	for _, h := range p.Hashes {
		file.Hashes = append(file.Hashes, h)
	}
	return file.Marshal(), nil
}

// signedBefore returns the newest checkpoint there is, or why there is no newer
// one where it does not cover an entry.
func (l *Log) signedBefore(index uint64, why error) (signedHead, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if index >= l.signed.size {
		return signedHead{}, why
	}
	return l.signed, nil
}

// ReceiptInfo is what a receipt proves.
type ReceiptInfo struct {
	Origin  string            `json:"origin"` // the log
	Index   uint64            `json:"index"`
	Size    uint64            `json:"size"` // of the tree the checkpoint signs
	Root    Hash              `json:"root"`
	Leaf    Hash              `json:"leaf"`
	Time    time.Time         `json:"time"`             // engine time of the entry
	Payload Hash              `json:"payload"`          // salted commitment, see Opening
	Public  map[string]string `json:"public,omitempty"` // attributes of the entry
}

// Opening opens the payload commitment of one receipt: with it, the holder of
// the receipt can show what was logged. It is as secret as the payload.
type Opening struct {
	Salt    []byte `json:"salt"`
	Payload []byte `json:"payload"`
}

// Opens reports whether the opening fits the receipt's entry.
func (r ReceiptInfo) Opens(o Opening) bool {
	return len(o.Salt) == saltSize && commitment((*Hash)(o.Salt), o.Payload) == r.Payload
}

// OpenPayload returns the opening of an entry's payload commitment. After a
// shredding of one of its subjects there is none: [ErrShredded]. Other errors:
// [RangeError], [CorruptError], [ErrClosed], the context's and the store's.
func (l *Log) OpenPayload(ctx context.Context, index uint64) (Opening, error) {
	if size := l.Size(); index >= size {
		return Opening{}, &RangeError{Field: "index", Value: index, Limit: size}
	}
	f, err := l.frame(ctx, index)
	if err != nil {
		return Opening{}, err
	}
	o, err := l.openAt(&f)
	if err != nil {
		return Opening{}, err
	}
	s := l.tenant.scratch()
	defer l.tenant.done(s)
	salt, plain, erased, err := l.openPayload(ctx, s, &o, f.Payload, make([]byte, 0, len(f.Payload)))
	switch {
	case err != nil:
		return Opening{}, err
	case erased:
		return Opening{}, ErrShredded
	}
	return Opening{Salt: bytes.Clone(salt[:]), Payload: plain}, nil
}
