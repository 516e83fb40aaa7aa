package ledger

import (
	"fmt"
	"testing"

	tlogproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// ForgeReceipt makes the receipt of an entry with any public attributes, the last
// in a tree that these signers have signed.
func ForgeReceipt(t testing.TB, origin string, index uint64, public map[string]string, signers ...Signer) []byte {
	t.Helper()
	return ForgeRecord(t, origin, index, leaf{time: 1, public: public}.encode(), signers...)
}

// ForgeRecord is ForgeReceipt for any record.
func ForgeRecord(t testing.TB, origin string, index uint64, record []byte, signers ...Signer) []byte {
	t.Helper()
	var tree merkle.Tree
	for i := range index {
		tree.Append(merkle.LeafHash(fmt.Append(nil, i)))
	}
	tree.Append(merkle.LeafHash(record))
	view := tree.View()
	hashes, err := view.Prove(index, index+1)
	if err != nil {
		t.Fatal(err)
	}
	file := tlogproof.TLogProof{Index: index, ExtraData: record}
	for _, h := range hashes {
		file.Hashes = append(file.Hashes, h)
	}
	var by []note.Signer
	for _, s := range signers {
		by = append(by, s.Signer)
	}
	head := checkpoint.Checkpoint{Origin: origin, Size: index + 1, Root: view.Root()}
	if file.Checkpoint, err = note.Sign(&note.Note{Text: head.Text()}, by...); err != nil {
		t.Fatal(err)
	}
	return file.Marshal()
}
