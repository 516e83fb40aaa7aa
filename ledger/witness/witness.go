// Package witness lets others watch that a log only grows: witnesses that
// cosign its checkpoints (c2sp.org/tlog-witness, c2sp.org/tlog-cosignature), and
// policies that say how many of them a checkpoint needs before it counts
// (c2sp.org/tlog-policy).
//
// A log that is alone with its key can show each reader another tree. A witness
// remembers the last checkpoint it saw, accepts the next one only with a proof
// that it extends that one, and says so with a timestamped signature. Where the
// two employers of an exchange, or their sponsor, run one each, a reader who asks
// for both signatures sees the tree that both of them saw.
//
//   - [Server] is a witness: an HTTP handler with one key, a list of logs it
//     knows, and a [Store] for their last checkpoints. It refuses rollbacks and
//     forks, and keeps nothing but those checkpoints.
//   - [Client] asks one witness. It opens no connection but through the
//     *http.Client it is given.
//   - [Policy] says when a checkpoint counts. The offline verifier of package
//     ledger takes one, as any value with its Check method.
//
// A witness does not look at entries, and says nothing about them. It and the log
// know each other by public keys that were exchanged by another way: the log does
// not authenticate itself to it but by the signature on the checkpoint.
//
// Ed25519 only; cosignatures by ML-DSA keys are ignored as those of unknown keys.
package witness

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// Limits of the protocol.
const (
	MaxProof = 63       // hashes of one consistency proof
	MaxBody  = 64 << 10 // bytes of a request or an answer
)

// The yes/no questions. Typed errors of this package unwrap to one of them.
var (
	// ErrKey: a text is no key of a type this package knows.
	ErrKey = errors.New("witness: not a key of a known type")
	// ErrCheckpoint: a checkpoint does not parse or is not signed as it must be.
	ErrCheckpoint = errors.New("witness: checkpoint does not verify")
	// ErrUnknownLog: the witness does not know the log's origin.
	ErrUnknownLog = errors.New("witness: log is unknown to the witness")
	// ErrSignature: the witness knows the log, but not the keys that signed.
	ErrSignature = errors.New("witness: no signature that the witness trusts")
	// ErrInconsistent: the witness does not accept that the checkpoint extends
	// the one it cosigned last. One of the two views is a fork or a rollback.
	ErrInconsistent = errors.New("witness: checkpoint does not extend the one the witness has seen")
	// ErrAnswer: the witness answers something that is not of the protocol.
	ErrAnswer = errors.New("witness: answer is not of the protocol")
	// ErrMissing: an argument that has no default is nil.
	ErrMissing = errors.New("witness: argument is nil")
	// ErrPolicy: a policy does not parse.
	ErrPolicy = errors.New("witness: policy is not valid")
	// ErrQuorum: a checkpoint lacks cosignatures that a policy asks for.
	ErrQuorum = errors.New("witness: quorum is not reached")
	// ErrStore: a store's record of a log was changed in between.
	ErrStore = errors.New("witness: record was changed by somebody else")
)

// GenerateKey makes the key of a witness. skey is what [NewServer] takes and is
// secret; vkey is what clients and policies take. A name is a schema-less URL
// without spaces and pluses. Error: [ErrKey] for the name.
func GenerateKey(name string) (skey, vkey string, err error) {
	if skey, _, err = note.GenerateKey(nil, name); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrKey, err)
	}
	c, err := checkpoint.NewCosigner(skey) // GenerateKey takes any name
	if err != nil {
		return "", "", ErrKey
	}
	return skey, c.Key().String(), nil
}

// verifierOf reads the vkey of a witness. A plain Ed25519 key is taken as the
// cosigning key of the same name.
func verifierOf(vkey string) (note.Verifier, error) {
	k, err := checkpoint.ParseKey(vkey)
	if err != nil {
		return nil, ErrKey
	}
	return k.Cosigning().Verifier(), nil
}

// Cosignature is one witness's signature on a checkpoint.
type Cosignature struct {
	Name string    `json:"name"` // of the witness's key
	Time time.Time `json:"time"` // when it says it signed, UTC, whole seconds
}

// Cosignatures returns those of the given witnesses (vkeys) that have cosigned a
// checkpoint, in the order of the signatures; others are ignored. Each signature
// is verified, so the times may be believed as far as the witnesses may. Errors:
// [ErrKey], [ErrCheckpoint], also for a wrong signature by one of the witnesses.
func Cosignatures(signed []byte, vkeys ...string) ([]Cosignature, error) {
	var known []note.Verifier
	for _, vkey := range vkeys {
		v, err := verifierOf(vkey)
		if err != nil {
			return nil, err
		}
		known = append(known, v)
	}
	_, n, err := checkpoint.Open(signed, known...)
	if _, none := errors.AsType[*note.UnverifiedNoteError](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	out := make([]Cosignature, 0, len(n.Sigs))
	for _, s := range n.Sigs {
		at, _ := checkpoint.CosignedAt(s)
		out = append(out, Cosignature{Name: s.Name, Time: at})
	}
	return out, nil
}

// request is the body of an add-checkpoint call.
type request struct {
	old    uint64
	proof  []tlog.Hash
	signed []byte // the checkpoint
}

func (r request) encode() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.old)
	for _, h := range r.proof {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), r.signed...)
}

var errRequest = errors.New("request is not of the form")

// parseRequest reads what encode writes, and nothing else.
func parseRequest(b []byte) (r request, err error) {
	head, signed, ok := strings.Cut(string(b), "\n\n")
	first, rest, _ := strings.Cut(head, "\n")
	size, isOld := strings.CutPrefix(first, "old ")
	if r.old, err = parseSize(size); err != nil || !ok || !isOld {
		return request{}, errRequest
	}
	if rest != "" || strings.HasSuffix(head, "\n") {
		for line := range strings.SplitSeq(rest, "\n") {
			h, err := base64.StdEncoding.Strict().DecodeString(line)
			if err != nil || len(h) != tlog.HashSize || len(line) != 44 || len(r.proof) == MaxProof {
				return request{}, errRequest
			}
			r.proof = append(r.proof, tlog.Hash(h))
		}
	}
	r.signed = []byte(signed)
	return r, nil
}

// parseSize reads a decimal without leading zeros.
func parseSize(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, errRequest
	}
	return n, nil
}

// extends checks a consistency proof between two checkpoints of one log.
func extends(old, now checkpoint.Checkpoint, proof []tlog.Hash) bool {
	if now.Size == 0 && now.Root != checkpoint.EmptyRoot() {
		return false
	}
	switch {
	case old.Size == 0:
		return len(proof) == 0
	case old.Size == now.Size:
		return len(proof) == 0 && old.Root == now.Root
	case old.Size > now.Size:
		return false
	}
	return tlog.CheckTree(proof, int64(now.Size), now.Root, int64(old.Size), old.Root) == nil
}
