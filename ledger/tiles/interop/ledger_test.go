package interop

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	fnote "github.com/transparency-dev/formats/note"
	fwitness "github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/tiles"
	"github.com/deeperpoint/csss/ledger/witness"
)

// market is a real log whose newest checkpoint two witnesses have cosigned.
type market struct {
	log       *ledger.Log
	witnesses []string // vkeys
	servers   []*httptest.Server
	signed    []byte
}

func newMarket(t *testing.T, entries int) market {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "market.example/log"})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	var batch []ledger.Append
	for i := range entries {
		batch = append(batch, ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(i), Payload: []byte("sealed")})
	}
	_, err = l.Append(t.Context(), batch...)
	require.NoError(t, err)
	_, err = l.Rotate(t.Context(), nil) // two signatures of the log
	require.NoError(t, err)
	m := market{log: l}
	var clients []ledger.Witness
	for _, name := range []string{"buyer.example/witness", "seller.example/witness"} {
		skey, vkey, err := witness.GenerateKey(name)
		require.NoError(t, err)
		s, err := witness.NewServer(skey, witness.NewMemoryStore(), l.VerifierKey())
		require.NoError(t, err)
		web := httptest.NewServer(s)
		t.Cleanup(web.Close)
		c, err := witness.NewClient(web.Client(), web.URL, vkey)
		require.NoError(t, err)
		clients, m.witnesses, m.servers = append(clients, c), append(m.witnesses, vkey), append(m.servers, web)
	}
	m.signed, err = l.Cosign(t.Context(), clients...)
	require.NoError(t, err)
	return m
}

func (m market) policy(quorum string) []byte {
	return fmt.Appendf(nil, "log %s\nwitness a %s %s\nwitness b %s %s\ngroup both all a b\ngroup one any both\nquorum %s\n",
		m.log.VerifierKey(), m.witnesses[0], m.servers[0].URL, m.witnesses[1], m.servers[1].URL, quorum)
}

// Torchwood's verifier takes our receipts, cosignatures and policy files, and
// refuses what ours refuses.
func TestTorchwoodVerifiesReceipts(t *testing.T) {
	m := newMarket(t, 600)
	theirs, err := torchwood.ParsePolicy(m.policy("both"))
	require.NoError(t, err)
	ours, err := witness.ParsePolicy(m.policy("both"))
	require.NoError(t, err)
	for _, i := range []uint64{0, 255, 256, 599, 600} {
		file, err := m.log.ExportReceipt(t.Context(), i)
		require.NoError(t, err)
		record, err := torchwood.ProofExtraData(file)
		require.NoError(t, err)
		require.NoError(t, torchwood.VerifyProof(theirs, tlog.RecordHash(record), file))
		require.Error(t, torchwood.VerifyProof(theirs, tlog.RecordHash(record[1:]), file))
		bare, err := m.log.ExportProof(t.Context(), i)
		require.NoError(t, err)
		require.NoError(t, torchwood.VerifyProof(theirs, tlog.RecordHash(record), bare))
	}
	lines := strings.SplitAfter(string(m.signed), "\n")
	for cut := range lines {
		without := []byte(strings.Join(append(append([]string{}, lines[:cut]...), lines[cut+1:]...), ""))
		_, _, err := torchwood.VerifyCheckpoint(without, theirs)
		assert.Equal(t, err == nil, ours.Check(without) == nil, "without line %d: %v", cut, err)
	}
	// And receipts in their writing are taken by our verifier.
	p, err := m.log.Prove(t.Context(), 7, m.log.Size())
	require.NoError(t, err)
	full, err := m.log.ExportReceipt(t.Context(), 7)
	require.NoError(t, err)
	record, err := torchwood.ProofExtraData(full)
	require.NoError(t, err)
	file := torchwood.FormatProofWithExtraData(7, record, p.Hashes, m.signed)
	require.Equal(t, string(full), string(file))
}

// Cosignatures of both directions, and the policies, against the package of
// transparency-dev.
func TestFormatsVerifiesCosignatures(t *testing.T) {
	m := newMarket(t, 10)
	for _, vkey := range m.witnesses {
		v, err := fnote.NewVerifierForCosignatureV1(vkey)
		require.NoError(t, err)
		n, err := note.Open(m.signed, note.VerifierList(v))
		require.NoError(t, err)
		require.Len(t, n.Sigs, 1)
		at, err := fnote.CoSigV1Timestamp(n.Sigs[0])
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), at, time.Minute)
	}
	for quorum, want := range map[string]bool{"both": true, "a": true, "one": true, "none": true} {
		group, err := fwitness.ParsePolicy(m.policy(quorum))
		require.NoError(t, err)
		p, err := witness.ParsePolicy(m.policy(quorum))
		require.NoError(t, err)
		assert.Equal(t, want, group.Satisfied(m.signed), quorum)
		assert.Equal(t, want, p.Check(m.signed) == nil, quorum)
	}

	skey, vkey, err := note.GenerateKey(nil, "theirs.example/witness")
	require.NoError(t, err)
	signer, err := fnote.NewSignerForCosignatureV1(skey)
	require.NoError(t, err)
	n, err := note.Open(m.signed, note.VerifierList(signer.Verifier()))
	require.Error(t, err, "not yet")
	unverified, ok := err.(*note.UnverifiedNoteError)
	require.True(t, ok)
	n = unverified.Note
	signed, err := note.Sign(n, signer)
	require.NoError(t, err)
	typed, err := fnote.VKeyToCosignatureV1(vkey)
	require.NoError(t, err)
	for _, key := range []string{vkey, typed} {
		got, err := witness.Cosignatures(signed, key)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, "theirs.example/witness", got[0].Name)
	}
}

// An ML-DSA cosignature, which we do not know, does no harm.
func TestUnknownCosignaturesAreIgnored(t *testing.T) {
	m := newMarket(t, 10)
	skey, _, err := fnote.GenerateMLDSAKey("quantum.example/witness")
	require.NoError(t, err)
	signer, err := fnote.NewMLDSASigner(skey)
	require.NoError(t, err)
	text, _, _ := bytes.Cut(m.signed, []byte("\n\n"))
	line, err := note.Sign(&note.Note{Text: string(text) + "\n"}, signer)
	require.NoError(t, err)
	both := append(bytes.Clone(m.signed), line[bytes.Index(line, []byte("\n\n"))+2:]...)
	v, err := ledger.NewVerifier(m.log.VerifierKeys(), nil)
	require.NoError(t, err)
	_, err = v.Checkpoint(both)
	require.NoError(t, err)
	p, err := witness.ParsePolicy(m.policy("both"))
	require.NoError(t, err)
	require.NoError(t, p.Check(both))
}

// The real log, folder and handler, through Torchwood's client.
func TestTorchwoodReadsTheLog(t *testing.T) {
	m := newMarket(t, 700)
	dir := t.TempDir()
	require.NoError(t, tiles.Export(t.Context(), m.log, dir, nil))
	web := httptest.NewServer(http.StripPrefix("/log", tiles.Handler(m.log, nil)))
	defer web.Close()
	policy, err := torchwood.ParsePolicy(m.policy("both"))
	require.NoError(t, err)
	folder, err := torchwood.NewTileFS(os.DirFS(dir))
	require.NoError(t, err)
	fetcher, err := torchwood.NewTileFetcher(web.URL+"/log", torchwood.WithHTTPClient(web.Client()))
	require.NoError(t, err)
	for _, r := range []torchwood.TileReader{folder, fetcher} {
		c, _, err := torchwood.VerifyCheckpoint(m.signed, policy)
		require.NoError(t, err)
		tc, err := torchwood.NewClient(r)
		require.NoError(t, err)
		n := int64(0)
		for i, entry := range tc.AllEntries(t.Context(), c.Tree, 0) {
			require.Equal(t, n, i)
			require.True(t, bytes.HasPrefix(entry[2:], []byte("csss/ledger/leaf/v1")))
			n++
		}
		require.NoError(t, tc.Err())
		require.Equal(t, int64(m.log.Size()), n)
	}
}
