package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	tlogproof "github.com/transparency-dev/formats/proof"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// Policy says whether a signed checkpoint counts, beyond the log's own signature:
// whether enough witnesses have cosigned it, for instance. *witness.Policy is one.
type Policy interface {
	Check(checkpoint []byte) error
}

// VerifierOptions are the choices of [NewVerifier]. A nil *VerifierOptions is the
// zero value.
type VerifierOptions struct {
	// Policy is asked about every checkpoint whose log signature is good. Default:
	// none, the log's signature is enough.
	Policy Policy
}

// Verifier checks receipts and checkpoints with nothing but public keys. It does
// not change and may be used concurrently.
type Verifier struct {
	keySet
	policy Policy
}

// NewVerifier makes a verifier that trusts these keys, of one log or of several: a
// checkpoint is believed if a key signed it whose name is the origin and that may
// sign trees of that size. For a key that was handed over as a text alone, fill in
// VerifierKey; it is then trusted for every size. Error: [ErrInvalid].
func NewVerifier(keys []Key, o *VerifierOptions) (*Verifier, error) {
	v := &Verifier{}
	if o != nil {
		v.policy = o.Policy
	}
	for _, k := range keys {
		if err := v.trust(k); err != nil {
			return nil, &InvalidError{Entry: -1, Field: "vkey", Why: "not a verifier key, or there twice"}
		}
	}
	return v, nil
}

// Keys returns the keys the verifier trusts, to be stored and given to
// [NewVerifier] again.
func (v *Verifier) Keys() []Key { return slices.Clone(v.keys) }

// CheckpointInfo is what a checkpoint says.
type CheckpointInfo struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   Hash   `json:"root"`
}

// Checkpoint checks a signed checkpoint: a signature of a trusted key, the one
// canonical form of all of it, and the policy. Error: [ErrCheckpoint] with the
// reason.
func (v *Verifier) Checkpoint(signed []byte) (CheckpointInfo, error) {
	info, err := v.checkpoint(signed)
	if err != nil {
		return CheckpointInfo{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return info, nil
}

func (v *Verifier) checkpoint(signed []byte) (CheckpointInfo, error) {
	head, err := checkpoint.Peek(signed)
	if err != nil {
		return CheckpointInfo{}, err
	}
	known := v.known(head.Origin, head.Size)
	if len(known) == 0 {
		return CheckpointInfo{}, errors.New("no trusted key may sign this tree")
	}
	if head, _, err = checkpoint.OpenFrom(signed, head.Origin, known...); err != nil {
		return CheckpointInfo{}, err
	}
	if v.policy != nil {
		if err := v.policy.Check(signed); err != nil {
			return CheckpointInfo{}, err
		}
	}
	return CheckpointInfo{Origin: head.Origin, Size: head.Size, Root: head.Root}, nil
}

// Receipt checks a receipt file: the checkpoint in it as [Verifier.Checkpoint]
// does, the inclusion of the leaf, and that the file has its one canonical form: no
// byte of it can be changed unseen, but for signatures by keys that the verifier
// and its policy do not know. It costs about 80 µs, most of it the signature.
//
// Where several trusted keys signed, one good signature carries the receipt. A line
// that names one of them, by name and key hash, and whose signature is not good is
// refused all the same; but a line whose name or key hash was changed, or that was
// cut out, is one of an unknown key, or none, and is not missed. To insist on a
// key, trust that one alone; on several, ask a [Policy].
//
// Errors: [ErrReceipt] with the reason, among them the policy's;
// [ErrTooLarge] above [MaxReceipt].
func (v *Verifier) Receipt(file []byte) (ReceiptInfo, error) {
	r, err := parseReceipt(file)
	if err != nil {
		return ReceiptInfo{}, err
	}
	return v.receipt(r)
}

// Proof checks the file of [Log.ExportProof] for a leaf hash that the caller has:
// the answer says nothing about what is in the entry, so Time, Payload and Public
// are empty. Cost and errors as [Verifier.Receipt].
func (v *Verifier) Proof(file []byte, leaf Hash) (ReceiptInfo, error) {
	r, err := parseProof(file)
	if err != nil {
		return ReceiptInfo{}, err
	}
	if r.ExtraData != nil {
		return ReceiptInfo{}, fmt.Errorf("%w: proof has an extra line", ErrReceipt)
	}
	return v.proof(r, leaf)
}

func (v *Verifier) receipt(r parsedReceipt) (ReceiptInfo, error) {
	info, err := v.proof(r.file, merkle.LeafHash(r.file.ExtraData))
	if err != nil {
		return ReceiptInfo{}, err
	}
	info.Time, info.Payload, info.Public = timeOf(r.leaf.time), r.leaf.payload, r.leaf.public
	return info, nil
}

func (v *Verifier) proof(file tlogproof.TLogProof, leaf Hash) (ReceiptInfo, error) {
	head, err := v.checkpoint(file.Checkpoint)
	if err != nil {
		return ReceiptInfo{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	proof := Proof{Index: file.Index, Size: head.Size, Leaf: leaf, Root: head.Root}
	for _, h := range file.Hashes {
		proof.Hashes = append(proof.Hashes, h)
	}
	if err := proof.Verify(head.Root); err != nil {
		return ReceiptInfo{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	return ReceiptInfo{Origin: head.Origin, Index: file.Index, Size: head.Size, Root: head.Root, Leaf: leaf}, nil
}

// parsedReceipt is a receipt file of which nothing is believed yet.
type parsedReceipt struct {
	file tlogproof.TLogProof
	leaf leaf
}

func parseReceipt(file []byte) (r parsedReceipt, err error) {
	if r.file, err = parseProof(file); err != nil {
		return r, err
	}
	var ok bool
	if r.leaf, ok = decodeLeaf(r.file.ExtraData); !ok {
		return r, fmt.Errorf("%w: leaf record is missing or not canonical", ErrReceipt)
	}
	return r, nil
}

// parseProof accepts the one canonical form of a tlog-proof.
func parseProof(file []byte) (p tlogproof.TLogProof, err error) {
	if n := len(file); n > MaxReceipt {
		return p, &TooLargeError{Entry: -1, Field: "receipt", Size: n, Limit: MaxReceipt}
	}
	if err := p.Unmarshal(file); err != nil {
		return p, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if !bytes.Equal(p.Marshal(), file) {
		return p, fmt.Errorf("%w: file is not canonical", ErrReceipt)
	}
	return p, nil
}

// Follow returns a verifier that also trusts the keys to which the log has changed:
// it takes the receipts of rotations and retirements in order ([Log.Rotations]) and
// walks from key to key. Each change must be signed by a key that is trusted before
// it, an added key must have signed its own addition, no change in between may be
// missing, and all receipts must verify with the keys at the end. So a verifier
// that was once given the first key checks the receipts of today, and a key that
// was retired is not believed about later trees.
//
// Changes the verifier knows already are passed over. What Follow cannot know is
// whether changes at the end were left out. Error: [ErrReceipt] with the reason.
func (v *Verifier) Follow(rotations ...[]byte) (*Verifier, error) {
	next := &Verifier{keySet: v.clone(), policy: v.policy}
	parsed := make([]parsedReceipt, len(rotations))
	for i, file := range rotations {
		var err error
		if parsed[i], err = parseReceipt(file); err != nil {
			return nil, err
		}
		public, index := parsed[i].leaf.public, parsed[i].file.Index
		if next.knows(public, index) {
			continue
		}
		if err := next.apply(public, index); err != nil {
			return nil, fmt.Errorf("%w: rotation %d: %w", ErrReceipt, i, err)
		}
	}
	for _, r := range parsed {
		if _, err := next.receipt(r); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// knows reports whether a change is in the set already, made by the same entry.
func (s *keySet) knows(public map[string]string, index uint64) bool {
	c, err := parseChange(public)
	if err != nil {
		return false
	}
	i := s.find(c.key)
	switch {
	case i < 0:
		return false
	case c.retire && s.keys[i].Retired && s.keys[i].Until == index, !c.retire && s.keys[i].From == index+1:
		s.n, s.last = max(s.n, c.n), max(s.last, index)
		return true
	}
	return false
}

// VerifyReceipt checks a receipt file with the log's public key ([Log.VerifierKey]),
// or with several of which any one is enough, each trusted for trees of every size:
// [Verifier.Receipt] in one call. [NewVerifier] knows more about keys, and asks for
// cosignatures.
//
// Errors: those of [Verifier.Receipt], and [ErrInvalid] for a vkey that is none.
func VerifyReceipt(file []byte, vkeys ...string) (ReceiptInfo, error) {
	keys := make([]Key, len(vkeys))
	for i, vkey := range vkeys {
		keys[i].VerifierKey = vkey
	}
	v, err := NewVerifier(keys, nil)
	if err != nil {
		return ReceiptInfo{}, err
	}
	return v.Receipt(file)
}
