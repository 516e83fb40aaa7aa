package csss_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
	"github.com/deeperpoint/csss/disclosure/sdjwt"
	"github.com/deeperpoint/csss/internal/world"
)

// view is what somebody reads at a stage.
func (d *deal) view(who world.Who, h disclosure.Handle, stage disclosure.Stage) csss.View {
	d.Helper()
	v, err := d.x.View(background, who.At(d.at), h, stage)
	require.NoError(d, err)
	return v
}

// verified is what an offline verifier reads in a view, who knows the exchange's
// public key and what was promised.
func (d *deal) verified(v csss.View, h disclosure.Handle, promised string) sdjwt.Claims {
	d.Helper()
	bare, err := sdjwt.Parse(promised)
	require.NoError(d, err)
	claims, err := sdjwt.Open(v.Identity.Open().Proof, bare.Digest(), string(h), d.x.CommitmentKey(), nil)
	require.NoError(d, err)
	return claims
}

func digestsOf(t *testing.T, compact string) []string {
	t.Helper()
	token, err := sdjwt.Parse(compact)
	require.NoError(t, err)
	all, err := token.Disclosures()
	require.NoError(t, err)
	var out []string
	for _, d := range all {
		out = append(out, d.Digest())
	}
	return out
}

// TestCommitment follows both sides' commitments from the proposal to the last
// stage.
func TestCommitment(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	promised := map[string]string{}
	for side, x := range map[string]struct {
		who world.Who
		h   disclosure.Handle
	}{"demand": {d.s.Requester, d.demand}, "supply": {d.s.Vance, d.supply}} {
		v := d.view(x.who, x.h, disclosure.StageSummary)
		promised[side] = v.Commitment
		require.NotEmpty(t, v.Commitment)
		require.Empty(t, digestsOf(t, v.Commitment), "it opens nothing")
		require.Empty(t, v.Identity.Open())
		require.Nil(t, v.Details.Open())
	}
	require.Equal(t, len(promised["demand"]), len(promised["supply"]), "a size tells no side from the other")
	require.NotEqual(t, promised["demand"], promised["supply"])

	d.must(d.consents()...)
	v := d.view(d.s.Requester, d.demand, disclosure.StageIdentity)
	assert.Equal(t, promised["demand"], v.Commitment)
	got := d.verified(v, d.demand, promised["demand"])
	who := v.Identity.Open()
	assert.Equal(t, got["legal_name"], who.LegalName)
	assert.Equal(t, "Steelcrest Precision", who.LegalName)
	assert.NotContains(t, got, "email")
	assert.Empty(t, who.Email)
	assert.NotContains(t, got, "text")
	assert.NotEmpty(t, v.Details.Open()["machine_type"], "the listing's facts are plain from here on")
	assert.Equal(t, got["machine_type"], anyOf(v.Details.Open()["machine_type"]))

	d.must(d.acceptances()...)
	v = d.view(d.s.Requester, d.demand, disclosure.StageContact)
	got = d.verified(v, d.demand, promised["demand"])
	assert.Equal(t, got["email"], v.Identity.Open().Email)
	assert.NotEmpty(t, v.Identity.Open().Email)
	other := d.view(d.s.Vance, d.supply, disclosure.StageIdentity)
	assert.Equal(t, "Gridline Robotics", d.verified(other, d.supply, promised["supply"])["legal_name"])

	bare, err := sdjwt.Parse(promised["supply"])
	require.NoError(t, err)
	_, err = sdjwt.Open(v.Identity.Open().Proof, bare.Digest(), string(d.demand), d.x.CommitmentKey(), nil)
	assert.ErrorIs(t, err, sdjwt.ErrCommitment, "another session's commitment")
	text := everyForm(v)
	for _, token := range []string{who.LegalName, who.Contact, who.Street, v.Identity.Open().Email} {
		assert.NotContains(t, text, token, "a view prints nobody")
	}
}

// allDigests are those that a commitment shows.
func allDigests(t *testing.T, compact string) []string {
	t.Helper()
	_, rest, _ := strings.Cut(compact, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	require.NoError(t, err)
	var claims struct {
		SD []string `json:"_sd"`
	}
	require.NoError(t, json.Unmarshal(text, &claims))
	require.NotEmpty(t, claims.SD)
	return claims.SD
}

func anyOf(texts []string) any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}

// TestSessionsOfOneListingShareNothing: two buyers who put their commitments
// side by side, before and after the reveal, find no value in both.
func TestSessionsOfOneListingShareNothing(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	second := d.buyers(1)[0]
	a := d.view(d.s.Requester, d.demand, disclosure.StageSummary).Commitment
	b, err := d.x.View(background, second.who.At(d.at), second.mine, disclosure.StageSummary)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, digest := range allDigests(t, a) {
		seen[digest] = true
	}
	for _, digest := range allDigests(t, b.Commitment) {
		require.False(t, seen[digest])
	}
	require.Len(t, a, len(b.Commitment))
}

// TestWhatIsShownIsWhatWasPromised: an offer that its owner edits once the
// session is open is shown as it was when the other side was asked.
func TestWhatIsShownIsWhatWasPromised(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	d.must(d.consents()...)
	was := d.view(d.s.Requester, d.demand, disclosure.StageIdentity)
	offer := d.s.Capable
	offer.Topics = append(offer.Topics, "another-topic")
	offer.Years += 11
	_, err := d.x.Revise(background, d.s.Vance.At(d.at), offer)
	require.NoError(t, err)
	now := d.view(d.s.Requester, d.demand, disclosure.StageIdentity)
	assert.Equal(t, was.Details.Open(), now.Details.Open())
	assert.Equal(t, was.Identity.Open(), now.Identity.Open(), "its proof, too")
}

// TestSessionsHoldNobodysName: whoever reads the records of sessions, with the
// exchange's own secrets, finds no identity in them.
func TestSessionsHoldNobodysName(t *testing.T) {
	dir := t.TempDir()
	d := newDeal(t, csss.Config{Dir: dir})
	d.must(d.story()...)
	v := d.view(d.s.Requester, d.demand, disclosure.StageContact).Identity.Open()
	w := d.view(d.s.Vance, d.supply, disclosure.StageContact).Identity.Open()
	require.NoError(t, d.x.Close())
	n := 0
	for _, e := range entriesOf(t, dir) {
		if !strings.HasPrefix(e.Stream, "session/") {
			continue
		}
		n++
		for _, token := range []string{v.LegalName, v.Contact, v.Email, v.Street, w.LegalName, w.Contact, w.Email, w.Street} {
			require.NotEmpty(t, token)
			require.NotContains(t, string(e.Payload), token, "%s", e.Type)
		}
	}
	require.NotZero(t, n)
}

// vault keeps holders' keys outside the exchange, and can lock each of them.
type vault struct {
	mu     sync.Mutex
	keys   map[csss.Holder]envelope.PrivateKey
	locked map[envelope.Role]bool
	lying  map[envelope.Role]bool
	asked  map[envelope.Role]int
}

func newVault() *vault {
	return &vault{keys: map[csss.Holder]envelope.PrivateKey{}, locked: map[envelope.Role]bool{}, lying: map[envelope.Role]bool{}, asked: map[envelope.Role]int{}}
}

func (v *vault) key(h csss.Holder) (envelope.PrivateKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.keys[h]; !ok {
		key, err := envelope.GenerateKey(envelope.X25519)
		if err != nil {
			return key, err
		}
		v.keys[h] = key
	}
	return v.keys[h], nil
}

func (v *vault) PublicKey(_ context.Context, h csss.Holder) (envelope.PublicKey, error) {
	key, err := v.key(h)
	return key.Public(), err
}

func (v *vault) OpenShare(ctx context.Context, h csss.Holder, r envelope.Request) ([]byte, error) {
	key, err := v.key(h)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.asked[r.Role]++
	locked, lying := v.locked[r.Role], v.lying[r.Role]
	v.mu.Unlock()
	if lying {
		return []byte("thirty-two bytes that look right"), nil
	}
	if locked {
		return nil, errors.New("the vault of Steelcrest Precision is closed")
	}
	return key.OpenShare(ctx, r)
}

func (v *vault) lock(r envelope.Role, locked bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.locked[r] = locked
}

// TestKeysOfTheHost: each of the three keys is needed, each in its own step,
// and the exchange's storage alone opens nothing.
func TestKeysOfTheHost(t *testing.T) {
	v := newVault()
	dir := t.TempDir()
	d := newDeal(t, csss.Config{Dir: dir, Keys: v})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	assert.Empty(t, v.asked, "nobody is asked for a share before there is a consent")

	consents := d.consents()
	v.lock(envelope.Party, true)
	was := d.digest()
	_, err := d.take(consents[0])
	require.ErrorIs(t, err, csss.ErrShare)
	require.NotContains(t, err.Error(), "Steelcrest")
	require.Equal(t, was, d.digest(), "no share, no opt-in")
	v.lock(envelope.Party, false)

	v.lock(envelope.Employer, true)
	_, err = d.take(consents[1])
	require.ErrorIs(t, err, csss.ErrShare)
	require.Equal(t, was, d.digest(), "no share, no approval")
	v.lock(envelope.Employer, false)
	d.must(consents...)
	assert.Zero(t, v.asked[envelope.Operator], "the operator's is used in a view, not before")

	v.lock(envelope.Operator, true)
	_, err = d.x.View(background, d.s.Requester.At(d.at), d.demand, disclosure.StageIdentity)
	require.ErrorIs(t, err, csss.ErrShare)
	v.lock(envelope.Operator, false)
	who := d.view(d.s.Requester, d.demand, disclosure.StageIdentity).Identity.Open()
	assert.Equal(t, "Steelcrest Precision", who.LegalName)

	// A thief of the directory, with every secret in it, has three keys too few.
	require.NoError(t, d.x.Close())
	for name, keys := range map[string]csss.Keys{"none": nil, "others": newVault()} {
		d.open(csss.Config{Dir: dir, Keys: keys})
		_, err = d.x.View(background, d.s.Requester.At(d.at), d.demand, disclosure.StageIdentity)
		require.ErrorIs(t, err, csss.ErrShare, name)
		require.NoError(t, d.x.Close())
	}
	d.open(csss.Config{Dir: dir, Keys: v})
	assert.Equal(t, who, d.view(d.s.Requester, d.demand, disclosure.StageIdentity).Identity.Open(), "after reopening")
}

// TestAnEmployersKeyBehindRules: where the rules alone approve, the employer's
// key is asked all the same; while it is away there is no reveal, and the other
// side reads silence.
func TestAnEmployersKeyBehindRules(t *testing.T) {
	v := newVault()
	d := newDeal(t, csss.Config{Keys: v})
	d.must(d.loading()...)
	require.NoError(t, d.setPolicy(d.s.Owner.Firm, d.freely(d.s.Owner.Firm, 9)))
	d.must(d.meeting()...)
	consents := d.consents()
	d.must(consents[0], consents[1])
	v.lock(envelope.Employer, true)
	silent := d.demandTold()
	d.must(consents[2])
	same(t, silent, d.demandTold(), "the integrator reads of the missing key")
	demand, supply := d.revealed()
	require.False(t, demand || supply)
	v.lock(envelope.Employer, false)
	_, err := d.x.Tick(background, d.at.Add(time.Minute))
	require.NoError(t, err)
	d.at = d.at.Add(time.Minute)
	demand, supply = d.revealed()
	require.True(t, demand && supply, "once the key is back")
}

// TestAFalseShare: a keeper that gives another share than the one it was sealed
// would see and not be seen; its own consent is refused.
func TestAFalseShare(t *testing.T) {
	for role, consent := range map[envelope.Role]int{envelope.Party: 0, envelope.Employer: 1} {
		v := newVault()
		d := newDeal(t, csss.Config{Keys: v})
		d.must(d.loading()...)
		d.must(d.meeting()...)
		was := d.digest()
		v.lying[role] = true
		_, err := d.take(d.consents()[consent])
		require.ErrorIs(t, err, csss.ErrShare, role)
		require.Equal(t, was, d.digest())
		v.lying[role] = false
		d.must(d.consents()...)
		demand, supply := d.revealed()
		require.True(t, demand && supply)
	}
}

// TestNobodysKeyIsAskedInAnothersStep: the integrator's consents ask for no key of
// the shop's, whatever the shop has done, so how long they take and what becomes
// of them tells nothing.
func TestNobodysKeyIsAskedInAnothersStep(t *testing.T) {
	for _, in := range []bool{false, true} {
		v := newVault()
		d := newDeal(t, csss.Config{Keys: v})
		d.must(d.loading()...)
		require.NoError(t, d.setPolicy(d.s.Owner.Firm, d.freely(d.s.Owner.Firm, 9)))
		d.must(d.meeting()...)
		consents := d.consents()
		v.lock(envelope.Employer, true)
		if in {
			d.must(consents[2])
		}
		v.lock(envelope.Employer, false)
		asked := v.asked[envelope.Employer]
		d.must(consents[0], consents[1])
		require.Equal(t, asked+1, v.asked[envelope.Employer], "its own, for its own approval; the shop opted in: %v", in)
		demand, supply := d.revealed()
		require.False(t, demand || supply)
		_, err := d.x.Tick(background, d.at.Add(time.Minute))
		require.NoError(t, err)
		d.at = d.at.Add(time.Minute)
		demand, supply = d.revealed()
		require.Equal(t, in, demand && supply)
	}
}

// TestStagesAreThoseConsentedTo: a host that opens more of its schema does not
// open more of the sessions it has.
func TestStagesAreThoseConsentedTo(t *testing.T) {
	dir := t.TempDir()
	d := newDeal(t, csss.Config{Dir: dir})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	d.must(d.consents()...)
	require.NoError(t, d.x.Close())
	wide := disclosure.DefaultSchema()
	for i := range wide {
		if wide[i].Name == "email" || wide[i].Name == "phone" {
			wide[i].Stages = disclosure.Stages{disclosure.StageIdentity: disclosure.Plain}
		}
	}
	d.open(csss.Config{Dir: dir, Summary: wide})
	assert.Empty(t, d.view(d.s.Requester, d.demand, disclosure.StageIdentity).Identity.Open().Email)
}

// TestASwappedPledgeIsRefused: a record that says another commitment than the
// one the other side was asked on opens nothing.
func TestASwappedPledgeIsRefused(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	d.must(d.consents()...)
	for name, change := range map[string]csss.PledgeChange{
		"another commitment": {Commitment: true}, "another envelope": {Envelope: true}, "another share": {Share: true}, "a bit": {Bit: true},
	} {
		undo := csss.Tamper(d.x, d.demand, change)
		v, err := d.x.View(background, d.s.Requester.At(d.at), d.demand, disclosure.StageIdentity)
		require.Error(t, err, name)
		require.Empty(t, v, name)
		undo()
	}
	demand, _ := d.revealed()
	require.True(t, demand)
}

// TestLedgerFromBeforeCommitments: what was revealed then is shown as it was
// then; a session that opens now has commitments.
func TestLedgerFromBeforeCommitments(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "ledgers", "before-commitments"))))
	d := &deal{T: t, s: world.K3Story2()}
	d.at = d.s.Registered()
	d.demand, d.supply = "h-6f8f731558531498c061", "h-19c9c733a0321bce76f3"
	d.open(csss.Config{Dir: dir})
	t.Cleanup(func() { _ = d.x.Close() })
	v := d.view(d.s.Requester, d.demand, disclosure.StageIdentity)
	assert.Empty(t, v.Commitment)
	assert.Equal(t, "Steelcrest Precision", v.Identity.Open().LegalName)
	assert.Empty(t, v.Identity.Open().Proof)
	assert.Nil(t, d.x.CommitmentKey())
	d.must(d.acceptances()...)
	d.must(d.work()...)

	second := d.buyers(1)[0]
	fresh, err := d.x.View(background, second.who.At(d.at), second.mine, disclosure.StageSummary)
	require.NoError(t, err)
	assert.NotEmpty(t, fresh.Commitment)
	digest, err := d.x.Replay(background)
	require.NoError(t, err)
	assert.Equal(t, d.digest(), digest)
}

// TestWhatCannotBePromised: a listing too long to be committed to is refused
// when it is published, and a schema that no token holds when the exchange opens.
func TestWhatCannotBePromised(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	offer := d.s.Capable
	was := d.digest()
	for name, text := range map[string]string{"long": strings.Repeat("word ", 20_000), "quoted": strings.Repeat("\x01\" ", 9_000)} {
		offer.Text = text
		_, err := d.x.Revise(background, d.s.Vance.At(d.at), offer)
		var input *csss.InputError
		require.ErrorAs(t, err, &input, name)
		assert.Equal(t, "offer", input.Field)
	}
	need := d.s.Need
	need.ID, need.Text = "long", strings.Repeat("word ", 20_000)
	_, err := d.x.Register(background, d.s.Requester.At(d.at), need)
	var input *csss.InputError
	require.ErrorAs(t, err, &input)
	assert.Equal(t, was, d.digest())

	twice := append(disclosure.DefaultSchema(),
		disclosure.Field{Name: "kind", Weight: 1, Levels: []disclosure.Level{{Terms: map[string]string{"a": "b"}}},
			Stages: disclosure.Stages{disclosure.StageSummary: disclosure.Guarded, disclosure.StageIdentity: disclosure.Finest}},
		disclosure.Field{Name: "kind (label)", Class: disclosure.Direct, Stages: disclosure.Stages{disclosure.StageContact: disclosure.Plain}})
	_, err = csss.Open(background, csss.Config{Summary: twice})
	require.ErrorAs(t, err, &input)
	for _, name := range []string{"session", "iss", "exp", "cnf", "_sd", "..."} {
		schema := append(disclosure.DefaultSchema(), disclosure.Field{Name: name, Class: disclosure.Direct, Stages: disclosure.Stages{disclosure.StageIdentity: disclosure.Plain}})
		_, err := csss.Open(background, csss.Config{Summary: schema})
		require.ErrorAs(t, err, &input, name)
		assert.Equal(t, "config.summary", input.Field, name)
	}
}

// TestALongListingIsPromised: what is just within the limit comes through.
func TestALongListingIsPromised(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	offer := d.s.Capable
	offer.Text = strings.TrimSpace(strings.Repeat("titanium brackets five axis ", 1_400))
	_, err := d.x.Revise(background, d.s.Vance.At(d.at), offer)
	require.NoError(t, err)
	d.must(d.meeting()...)
	d.must(d.consents()...)
	d.must(d.acceptances()...)
	v := d.view(d.s.Requester, d.demand, disclosure.StageContact)
	assert.Equal(t, []string{offer.Text}, v.Details.Open()["text"])
}

// BenchmarkSelect is a selection: both sides' commitments made and sealed.
func BenchmarkSelect(b *testing.B) {
	x, s := csss.Config{K: 3, KPeople: 3}, world.K3Story2()
	for b.Loop() {
		b.StopTimer()
		e, err := csss.Open(background, x)
		require.NoError(b, err)
		_, err = e.Import(background, csss.By{ID: "market", At: world.Opening()}, s.Import())
		require.NoError(b, err)
		_, err = e.Register(background, s.Requester.At(s.Registered()), s.Need)
		require.NoError(b, err)
		m, err := e.Match(background, s.Requester.At(s.Registered()), s.Need.ID)
		require.NoError(b, err)
		b.StartTimer()
		_, err = e.Select(background, s.Requester.At(s.Registered()), m.Candidates[0].Handle)
		b.StopTimer()
		require.NoError(b, err)
		require.NoError(b, e.Close())
		b.StartTimer()
	}
}

// BenchmarkView is one commitment opened and verified, and the view logged.
func BenchmarkView(b *testing.B) {
	x, err := csss.Open(background, csss.Config{K: 3, KPeople: 3})
	require.NoError(b, err)
	defer x.Close()
	s := world.K3Story2()
	_, err = x.Import(background, csss.By{ID: "market", At: world.Opening()}, s.Import())
	require.NoError(b, err)
	demand, _ := revealedDeal(x, s)
	at := s.Registered().Add(4 * time.Hour)
	for b.Loop() {
		_, err := x.View(background, s.Requester.At(at), demand, disclosure.StageIdentity)
		require.NoError(b, err)
	}
}
