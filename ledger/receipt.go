package ledger

import (
	"bytes"
	"context"
	"fmt"
	"time"

	tlogproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxReceipt is the largest receipt file [VerifyReceipt] looks at, in bytes.
const MaxReceipt = 64 << 10

// ExportReceipt returns one file that proves, without the log, that an entry is
// in it: a c2sp.org/tlog-proof@v1 text with the index, the inclusion proof, the
// signed checkpoint, and the leaf record in its extra line. It holds nothing of
// the entry but its engine time and commitments; it does show the entry's index
// and the size of the log. About 1,060 bytes at 10,000 entries.
//
// Errors: [RangeError], and those of [Log.Checkpoint].
func (l *Log) ExportReceipt(ctx context.Context, index uint64) ([]byte, error) {
	if size := l.Size(); index >= size {
		return nil, &RangeError{Field: "index", Value: index, Limit: size}
	}
	signed, err := l.checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	p, err := l.Prove(ctx, index, signed.size)
	if err != nil {
		return nil, err
	}
	f, err := l.frame(ctx, index)
	if err != nil {
		return nil, err
	}
	file := tlogproof.TLogProof{Index: index, Checkpoint: signed.note, ExtraData: f.Leaf}
	for _, h := range p.Hashes {
		file.Hashes = append(file.Hashes, h)
	}
	return file.Marshal(), nil
}

// ReceiptInfo is what a receipt proves.
type ReceiptInfo struct {
	Origin  string    `json:"origin"` // the log
	Index   uint64    `json:"index"`
	Size    uint64    `json:"size"` // of the tree the checkpoint signs
	Root    Hash      `json:"root"`
	Leaf    Hash      `json:"leaf"`
	Time    time.Time `json:"time"`    // engine time of the entry
	Payload Hash      `json:"payload"` // salted commitment, see Opening
}

// VerifyReceipt checks a receipt file with nothing but the log's public key
// ([Log.VerifierKey]): the signature, the origin, the inclusion of the leaf, and
// that the file has its one canonical form: no byte of it can be changed unseen,
// but for signatures by keys other than the log's. It costs about 80 µs, most of
// it the signature.
//
// Errors: [ErrReceipt] with the reason; [ErrInvalid] for a vkey that is none;
// [ErrTooLarge] above [MaxReceipt].
func VerifyReceipt(file []byte, vkey string) (ReceiptInfo, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return ReceiptInfo{}, &InvalidError{Entry: -1, Field: "vkey", Why: "not a verifier key"}
	}
	if n := len(file); n > MaxReceipt {
		return ReceiptInfo{}, &TooLargeError{Entry: -1, Field: "receipt", Size: n, Limit: MaxReceipt}
	}
	var p tlogproof.TLogProof
	if err := p.Unmarshal(file); err != nil {
		return ReceiptInfo{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if !bytes.Equal(p.Marshal(), file) {
		return ReceiptInfo{}, fmt.Errorf("%w: file is not canonical", ErrReceipt)
	}
	l, ok := decodeLeaf(p.ExtraData)
	if !ok {
		return ReceiptInfo{}, fmt.Errorf("%w: leaf record is missing or not canonical", ErrReceipt)
	}
	size, root, err := parseCheckpoint(p.Checkpoint, v)
	if err != nil {
		return ReceiptInfo{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	proof := Proof{Index: p.Index, Size: size, Leaf: tlog.RecordHash(p.ExtraData), Root: root}
	for _, h := range p.Hashes {
		proof.Hashes = append(proof.Hashes, h)
	}
	if err := proof.Verify(root); err != nil {
		return ReceiptInfo{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	return ReceiptInfo{Origin: v.Name(), Index: p.Index, Size: size, Root: root, Leaf: proof.Leaf, Time: timeOf(l.time), Payload: l.payload}, nil
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
