package ledger

import (
	"testing"

	tlogproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// ForgeReceipt makes the receipt of an entry with any public attributes, alone in
// a tree that these signers have signed.
func ForgeReceipt(t testing.TB, origin string, public map[string]string, signers ...Signer) []byte {
	record := leaf{time: 1, public: public}.encode()
	head := checkpoint.Checkpoint{Origin: origin, Size: 1, Root: merkle.LeafHash(record)}
	var by []note.Signer
	for _, s := range signers {
		by = append(by, s.Signer)
	}
	signed, err := note.Sign(&note.Note{Text: head.Text()}, by...)
	if err != nil {
		t.Fatal(err)
	}
	return tlogproof.TLogProof{Checkpoint: signed, ExtraData: record}.Marshal()
}
