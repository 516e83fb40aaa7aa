package envelope_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
)

const (
	canary = "Holloway Tool"
	empty  = `{"legal_name":"","contact":"","email":"","phone":"","street":"","city":"","site":""}`
)

var (
	plain = disclosure.IdentityData{LegalName: canary + " & Die", Contact: "Renée O’Neil", Email: "r@holloway.example", City: "Brantford", Site: "holloway-1"}
	scope = envelope.Scope{
		Listing: "offer/88@3", Session: "s-17",
		Schema: disclosure.DigestOf([]byte("schema")), Policy: disclosure.DigestOf([]byte("policy")),
	}
	all = [...]envelope.Role{envelope.Party, envelope.Employer, envelope.Operator}
)

// A ring holds the private keys of the three holders.
type ring [3]envelope.PrivateKey

func newRing(t testing.TB, suites ...envelope.Suite) (r ring) {
	t.Helper()
	for i := range r {
		key, err := envelope.GenerateKey(suites[i%len(suites)])
		require.NoError(t, err)
		r[i] = key
	}
	return r
}

func (r ring) holders() envelope.Holders {
	return envelope.Holders{Party: r[0].Public(), Employer: r[1].Public(), Operator: r[2].Public()}
}

func (r ring) seal(t testing.TB, d disclosure.IdentityData, s envelope.Scope) envelope.Envelope {
	t.Helper()
	e, err := envelope.Seal(disclosure.NewIdentity(d), r.holders(), s, nil)
	require.NoError(t, err)
	return e
}

func (r ring) shares(t testing.TB, e envelope.Envelope, s envelope.Scope) (shares [3]envelope.Share) {
	t.Helper()
	for i, role := range all {
		share, err := envelope.OpenShare(t.Context(), e, s, role, r[i])
		require.NoError(t, err)
		shares[i] = share
	}
	return shares
}

// open goes the whole way and returns the first error on it.
func (r ring) open(ctx context.Context, e envelope.Envelope, s envelope.Scope) (disclosure.Identity, error) {
	var shares []envelope.Share
	for i, role := range all {
		share, err := envelope.OpenShare(ctx, e, s, role, r[i])
		if err != nil {
			return disclosure.Identity{}, err
		}
		shares = append(shares, share)
	}
	return envelope.Combine(e, s, shares...)
}

func TestThreeSharesOpenWhatWasSealed(t *testing.T) {
	for _, suites := range [][]envelope.Suite{
		{0}, {envelope.X25519}, {envelope.MLKEM768X25519}, {envelope.X25519, envelope.MLKEM768X25519},
	} {
		r := newRing(t, suites...)
		e := r.seal(t, plain, scope)
		back, err := envelope.Parse(e.Bytes())
		require.NoError(t, err)
		s := r.shares(t, back, scope)
		for _, order := range [][]envelope.Share{{s[0], s[1], s[2]}, {s[2], s[0], s[1]}} {
			got, err := envelope.Combine(back, scope, order...)
			require.NoError(t, err)
			assert.True(t, plain == got.Open())
		}
	}
}

func TestAnythingButAllThreeSharesIsRefused(t *testing.T) {
	r := newRing(t, envelope.X25519)
	e, other := r.seal(t, plain, scope), r.seal(t, plain, scope)
	s, o := r.shares(t, e, scope), r.shares(t, other, scope)
	stray := scope
	stray.Session = "s-18"
	wiped := r.shares(t, e, scope)[2]
	wiped.Wipe()
	for name, shares := range map[string][]envelope.Share{
		"none":                    {},
		"party":                   {s[0]},
		"party, employer":         {s[0], s[1]},
		"party, operator":         {s[0], s[2]},
		"employer, operator":      {s[1], s[2]},
		"one role twice":          {s[0], s[1], s[1]},
		"a fourth":                {s[0], s[1], s[2], s[2]},
		"one role thrice":         {s[0], s[0], s[0], s[1], s[2]}, // which XOR to the key
		"a zero one":              {s[0], s[1], {}},
		"a wiped one":             {s[0], s[1], wiped},
		"one of another envelope": {s[0], s[1], o[2]},
		"all of another envelope": {o[0], o[1], o[2]},
	} {
		got, err := envelope.Combine(e, scope, shares...)
		assert.True(t, err == envelope.ErrRefused, name)
		assert.True(t, got.Open() == disclosure.IdentityData{}, name)
	}
	_, err := envelope.Combine(e, stray, s[:]...)
	assert.True(t, err == envelope.ErrRefused)
	_, err = envelope.Combine(envelope.Envelope{}, scope, s[:]...)
	assert.True(t, err == envelope.ErrRefused)
}

// Every part of the scope is bound, and the scopes that a careless concatenation
// would confuse are different.
func TestAnotherScopeIsRefused(t *testing.T) {
	r := newRing(t, envelope.X25519)
	e := r.seal(t, plain, scope)
	change := map[string]func(*envelope.Scope){
		"listing":  func(s *envelope.Scope) { s.Listing = "offer/88@4" },
		"schema":   func(s *envelope.Scope) { s.Schema[31] ^= 1 },
		"policy":   func(s *envelope.Scope) { s.Policy[0] ^= 1 },
		"session":  func(s *envelope.Scope) { s.Session = "" },
		"swapped":  func(s *envelope.Scope) { s.Schema, s.Policy = s.Policy, s.Schema },
		"shifted":  func(s *envelope.Scope) { s.Listing, s.Session = s.Session, s.Listing },
		"no scope": func(s *envelope.Scope) { *s = envelope.Scope{} },
	}
	for name, f := range change {
		s := scope
		f(&s)
		for i, role := range all {
			_, err := envelope.OpenShare(t.Context(), e, s, role, r[i])
			assert.True(t, err == envelope.ErrRefused, "%s, %s", name, role)
		}
	}
}

func TestAShareOpensForItsRoleAndKeyAlone(t *testing.T) {
	for _, suite := range []envelope.Suite{envelope.X25519, envelope.MLKEM768X25519} {
		r := newRing(t, suite)
		e := r.seal(t, plain, scope)
		for i, role := range all {
			for k := range r {
				_, err := envelope.OpenShare(t.Context(), e, scope, role, r[k])
				assert.Equal(t, i == k, err == nil, "%s with the key of %s", role, all[k])
				if i != k {
					assert.True(t, err == envelope.ErrRefused)
				}
			}
		}
	}
	r := newRing(t, envelope.X25519)
	e := r.seal(t, plain, scope)
	for _, role := range []envelope.Role{0, 4, 255} {
		_, err := envelope.OpenShare(t.Context(), e, scope, role, r[0])
		assert.True(t, err == envelope.ErrRefused)
		_, err = envelope.Rotate(t.Context(), e, scope, role, r[0], r[0].Public())
		assert.True(t, err == envelope.ErrRefused)
	}
	for _, opener := range []envelope.Opener{nil, envelope.PrivateKey{}} {
		_, err := envelope.OpenShare(t.Context(), e, scope, envelope.Party, opener)
		assert.True(t, err == envelope.ErrRefused)
	}
}

// Shares cannot change places, nor come from another envelope, even where one
// key holds both.
func TestSharesOnTheWireKeepTheirPlace(t *testing.T) {
	const at, size = 16 + 32, 2 + 80 // of the first share, X25519
	r := newRing(t, envelope.X25519)
	first, second := r.seal(t, plain, scope).Bytes(), r.seal(t, plain, scope).Bytes()
	for i := range all {
		replayed := bytes.Clone(first)
		copy(replayed[at+i*size:], second[at+i*size:at+(i+1)*size])
		e, err := envelope.Parse(replayed)
		require.NoError(t, err)
		_, err = r.open(t.Context(), e, scope)
		assert.True(t, err == envelope.ErrRefused)

		swapped, j := bytes.Clone(first), (i+1)%3
		copy(swapped[at+i*size:], first[at+j*size:at+(j+1)*size])
		e, err = envelope.Parse(swapped)
		require.NoError(t, err)
		_, err = envelope.OpenShare(t.Context(), e, scope, all[i], r[j])
		assert.True(t, err == envelope.ErrRefused)
	}
	grafted := append(bytes.Clone(first[:at+3*size]), second[at+3*size:]...)
	e, err := envelope.Parse(grafted)
	require.NoError(t, err)
	_, err = r.open(t.Context(), e, scope)
	assert.True(t, err == envelope.ErrRefused)
}

func TestEveryBitFlipIsRefused(t *testing.T) {
	r := newRing(t, envelope.X25519)
	flipAll(t, r, r.seal(t, plain, scope).Bytes(), 1)
}

func TestBitFlipsOfHybridEnvelopesAreRefused(t *testing.T) {
	step := 7 // coprime to 8, so that all bits of a byte have their turn
	if testing.Short() {
		step = 101
	}
	r := newRing(t, envelope.MLKEM768X25519)
	flipAll(t, r, r.seal(t, plain, scope).Bytes(), step)
}

// flipAll flips every step-th bit of b. The shares do not depend on the payload,
// so they are opened anew only for the bits before it.
func flipAll(t *testing.T, r ring, b []byte, step int) {
	t.Helper()
	whole, err := envelope.Parse(b)
	require.NoError(t, err)
	shares := r.shares(t, whole, scope)
	payload := len(b) - 1024 - 28
	for bit := 0; bit < 8*len(b); bit += step {
		flipped := bytes.Clone(b)
		flipped[bit/8] ^= 1 << (bit % 8)
		e, err := envelope.Parse(flipped)
		switch {
		case err == nil && bit/8 < payload:
			_, err = r.open(t.Context(), e, scope)
		case err == nil:
			_, err = envelope.Combine(e, scope, shares[:]...)
		}
		if err != envelope.ErrEncoding && err != envelope.ErrRefused {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
}

// Ordinary identities have one length; long ones have one of two more, and a
// market may ask for one length for all.
func TestTheLengthTellsOnlyTheClass(t *testing.T) {
	r := newRing(t, envelope.X25519)
	lengths := map[int]int{}
	first, second := 1024-36-len(empty), 4096-36-len(empty) // the longest names of a class
	for _, n := range []int{0, 1, 100, first, first + 1, second, second + 1, 9000} {
		d := disclosure.IdentityData{LegalName: strings.Repeat("x", n)}
		e := r.seal(t, d, scope)
		lengths[len(e.Bytes())]++
		got, err := r.open(t.Context(), e, scope)
		require.NoError(t, err)
		assert.True(t, d == got.Open())
		wide, err := envelope.Seal(disclosure.NewIdentity(d), r.holders(), scope, &envelope.Options{MinBlock: 16384})
		require.NoError(t, err)
		assert.Len(t, wide.Bytes(), 322+16384)
	}
	assert.Equal(t, map[int]int{322 + 1024: 4, 322 + 4096: 2, 322 + 16384: 2}, lengths)
}

func TestTheLongestEnvelopeHasMaxBytes(t *testing.T) {
	r := newRing(t, envelope.MLKEM768X25519)
	room := envelope.MaxIdentity - len(empty)
	fits := disclosure.IdentityData{Site: strings.Repeat("x", room)}
	e := r.seal(t, fits, scope)
	assert.Len(t, e.Bytes(), envelope.MaxBytes)
	back, err := envelope.Parse(e.Bytes())
	require.NoError(t, err)
	got, err := r.open(t.Context(), back, scope)
	require.NoError(t, err)
	assert.True(t, fits == got.Open())

	fits.Site += "x"
	_, err = envelope.Seal(disclosure.NewIdentity(fits), r.holders(), scope, nil)
	assert.EqualError(t, err, fmt.Sprintf("disclosure: identity must be at most %d bytes of JSON", envelope.MaxIdentity))
}

func TestSealNamesWhatIsMalformed(t *testing.T) {
	r := newRing(t, envelope.X25519)
	var lowKey envelope.PublicKey // of low order: everybody agrees with it on zero
	require.NoError(t, lowKey.UnmarshalText([]byte("x25519:"+strings.Repeat("A", 43))))
	for field, change := range map[string]func(*disclosure.IdentityData, *envelope.Holders, *envelope.Scope, *envelope.Options){
		"scope.listing": func(_ *disclosure.IdentityData, _ *envelope.Holders, s *envelope.Scope, _ *envelope.Options) {
			s.Listing = ""
		},
		"scope.schema": func(_ *disclosure.IdentityData, _ *envelope.Holders, s *envelope.Scope, _ *envelope.Options) {
			s.Schema = disclosure.Digest{}
		},
		"scope.policy": func(_ *disclosure.IdentityData, _ *envelope.Holders, s *envelope.Scope, _ *envelope.Options) {
			s.Policy = disclosure.Digest{}
		},
		"scope.session": func(_ *disclosure.IdentityData, _ *envelope.Holders, s *envelope.Scope, _ *envelope.Options) {
			s.Session = strings.Repeat("x", 257)
		},
		"holders.party": func(_ *disclosure.IdentityData, h *envelope.Holders, _ *envelope.Scope, _ *envelope.Options) {
			h.Party = envelope.PublicKey{}
		},
		"holders.employer": func(_ *disclosure.IdentityData, h *envelope.Holders, _ *envelope.Scope, _ *envelope.Options) {
			h.Employer = h.Party
		},
		"holders.operator": func(_ *disclosure.IdentityData, h *envelope.Holders, _ *envelope.Scope, _ *envelope.Options) {
			h.Operator = lowKey
		},
		"options.min_block": func(_ *disclosure.IdentityData, _ *envelope.Holders, _ *envelope.Scope, o *envelope.Options) {
			o.MinBlock = 100
		},
		"identity": func(d *disclosure.IdentityData, _ *envelope.Holders, _ *envelope.Scope, _ *envelope.Options) {
			d.City = canary + "\xff"
		},
	} {
		d, h, s, o := plain, r.holders(), scope, envelope.Options{}
		change(&d, &h, &s, &o)
		e, err := envelope.Seal(disclosure.NewIdentity(d), h, s, &o)
		wrong, ok := errors.AsType[*disclosure.FieldError](err)
		require.True(t, ok, field)
		assert.Equal(t, field, wrong.Field)
		assert.NotContains(t, err.Error(), canary)
		assert.True(t, e.IsZero())
	}
}

func TestSealingTwiceHasNothingInCommon(t *testing.T) {
	r := newRing(t, envelope.X25519)
	a, b := r.seal(t, plain, scope), r.seal(t, plain, scope)
	assert.NotEqual(t, a.Digest(), b.Digest())
	x, y := a.Bytes(), b.Bytes()
	seen := map[[8]byte]bool{}
	for i := 16; i+8 <= len(x); i++ {
		seen[[8]byte(x[i:])] = true
	}
	for i := 16; i+8 <= len(y); i++ {
		assert.False(t, seen[[8]byte(y[i:])], "the same 8 bytes at %d", i)
	}
}

func TestRotationChangesOneKeyAndNothingElse(t *testing.T) {
	old := newRing(t, envelope.X25519)
	for i, role := range all {
		e := old.seal(t, plain, scope)
		before := e.Bytes()
		now := old
		key, err := envelope.GenerateKey(envelope.MLKEM768X25519)
		require.NoError(t, err)
		now[i] = key
		rotated, err := envelope.Rotate(t.Context(), e, scope, role, old[i], key.Public())
		require.NoError(t, err)
		assert.Equal(t, before, e.Bytes())
		assert.Equal(t, e.Digest(), rotated.Digest())
		shared := rotated
		rotated, err = envelope.Parse(rotated.Bytes())
		require.NoError(t, err)
		got, err := now.open(t.Context(), rotated, scope)
		require.NoError(t, err)
		assert.True(t, plain == got.Open())
		_, err = old.open(t.Context(), rotated, scope)
		assert.True(t, err == envelope.ErrRefused)

		e.Shred()
		_, err = now.open(t.Context(), shared, scope)
		assert.NoError(t, err, "shredding the old one leaves the new one alone")
		_, err = envelope.Rotate(t.Context(), rotated, scope, role, old[i], old[i].Public())
		assert.True(t, err == envelope.ErrRefused)
		_, err = envelope.Rotate(t.Context(), rotated, scope, role, now[i], envelope.PublicKey{})
		assert.True(t, err == envelope.ErrRefused)
	}
}

func TestShreddingLeavesTheDigest(t *testing.T) {
	r := newRing(t, envelope.X25519)
	e := r.seal(t, plain, scope)
	shares := r.shares(t, e, scope)
	digest, other := e.Digest(), e
	e.Shred()
	assert.True(t, e.Shredded())
	assert.Equal(t, digest, e.Digest())
	assert.Equal(t, "csss-shredded-1\n"+string(digest[:]), string(e.Bytes()))
	back, err := envelope.Parse(e.Bytes())
	require.NoError(t, err)
	assert.True(t, back.Shredded())
	for _, gone := range []envelope.Envelope{e, back} {
		_, err = r.open(t.Context(), gone, scope)
		assert.True(t, err == envelope.ErrShredded)
		_, err = envelope.Combine(gone, scope, shares[:]...)
		assert.True(t, err == envelope.ErrShredded)
		_, err = envelope.Rotate(t.Context(), gone, scope, envelope.Party, r[0], r[0].Public())
		assert.True(t, err == envelope.ErrShredded)
	}
	assert.Equal(t, make([]byte, 80), other.Bytes()[50:130], "a copy of the value is overwritten")
	_, err = envelope.Combine(other, scope, shares[:]...)
	assert.True(t, err == envelope.ErrRefused)
	assert.False(t, envelope.Envelope{}.Shredded())
}

func TestAHandedShareArrivesForOnePurpose(t *testing.T) {
	r, engine := newRing(t, envelope.X25519), newRing(t, 0)[0]
	e, other := r.seal(t, plain, scope), r.seal(t, plain, scope)
	s := r.shares(t, e, scope)
	handed, err := s[0].HandTo(engine.Public())
	require.NoError(t, err)
	got, err := envelope.Receive(t.Context(), e, scope, envelope.Party, handed, engine)
	require.NoError(t, err)
	identity, err := envelope.Combine(e, scope, got, s[1], s[2])
	require.NoError(t, err)
	assert.True(t, plain == identity.Open())

	late := scope
	late.Session = "s-18"
	refuse := func(e envelope.Envelope, s envelope.Scope, role envelope.Role, handed []byte, key envelope.Opener) {
		t.Helper()
		_, err := envelope.Receive(t.Context(), e, s, role, handed, key)
		assert.True(t, err == envelope.ErrRefused)
	}
	refuse(other, scope, envelope.Party, handed, engine)
	refuse(e, late, envelope.Party, handed, engine)
	refuse(e, scope, envelope.Employer, handed, engine)
	refuse(e, scope, 0, handed, engine)
	refuse(e, scope, envelope.Party, handed, r[0])
	refuse(e, scope, envelope.Party, handed[:len(handed)-1], engine)
	refuse(e, scope, envelope.Party, append(bytes.Clone(handed), 0), engine)
	refuse(e, scope, envelope.Party, nil, engine)
	stored := e.Bytes()[48 : 48+82] // the party's own share is not a handed one
	refuse(e, scope, envelope.Party, stored, r[0])
	for bit := 0; bit < 8*len(handed); bit += 13 {
		flipped := bytes.Clone(handed)
		flipped[bit/8] ^= 1 << (bit % 8)
		refuse(e, scope, envelope.Party, flipped, engine)
	}
	s[0].Wipe()
	_, err = s[0].HandTo(engine.Public())
	assert.True(t, err == envelope.ErrRefused)
	_, err = s[1].HandTo(envelope.PublicKey{})
	assert.True(t, err == envelope.ErrRefused)
}

// A device asks its owner, and its errors do not get out.
type device struct {
	key envelope.PrivateKey
	err error
	cut int
	saw envelope.Request
}

func (d *device) OpenShare(ctx context.Context, r envelope.Request) ([]byte, error) {
	d.saw = r
	if d.err != nil {
		return nil, d.err
	}
	value, err := d.key.OpenShare(ctx, r)
	return value[:len(value)-d.cut], err
}

func TestAnOpenersErrorsDoNotGetOut(t *testing.T) {
	r := newRing(t, envelope.X25519)
	e := r.seal(t, plain, scope)
	try := func(ctx context.Context, d *device) error {
		_, err := envelope.OpenShare(ctx, e, scope, envelope.Party, d)
		return err
	}
	asked := &device{key: r[0]}
	require.NoError(t, try(t.Context(), asked))
	assert.Equal(t, scope, asked.saw.Scope)
	assert.Equal(t, envelope.Party, asked.saw.Role)
	assert.Equal(t, e.Digest(), asked.saw.Envelope)
	assert.Equal(t, envelope.X25519, asked.saw.Suite)

	assert.True(t, try(t.Context(), &device{key: r[0], cut: 1}) == envelope.ErrRefused)
	assert.True(t, try(t.Context(), &device{err: errors.New(canary)}) == envelope.ErrRefused)
	assert.True(t, try(t.Context(), &device{err: fmt.Errorf("%s: %w", canary, envelope.ErrUnavailable)}) == envelope.ErrUnavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.True(t, try(ctx, &device{err: errors.New(canary)}) == context.Canceled)
}

func TestNothingPrintsWhatItHides(t *testing.T) {
	r := newRing(t, envelope.X25519)
	e := r.seal(t, plain, scope)
	s := r.shares(t, e, scope)
	key, err := r[0].Open().Bytes()
	require.NoError(t, err)
	identity, err := envelope.Combine(e, scope, s[:]...)
	require.NoError(t, err)
	_, refused := envelope.Combine(e, scope)
	secrets := []string{canary, fmt.Sprint(key)[1:40], fmt.Sprintf("%x", key), string(key)}
	for _, v := range []any{
		e, &e, s[0], &s[1], s, r, r[0], &r[0], identity, refused, map[string]any{"k": s[0]},
		struct{ S envelope.Share }{s[0]}, struct{ K envelope.PrivateKey }{r[0]}, struct{ E envelope.Envelope }{e},
	} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q", "%x"} {
			fmt.Fprintf(&out, verb, v)
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		out.Write(data)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		_ = gob.NewEncoder(&out).Encode(v)
		for _, secret := range secrets {
			assert.NotContains(t, out.String(), secret, "%T", v)
		}
	}
	assert.NotContains(t, string(e.Bytes()), canary)
	assert.Equal(t, "sealed", fmt.Sprintf("%+v", s[0]))
	assert.Equal(t, "sealed", fmt.Sprintf("%#v", r[0]))
	assert.Equal(t, "envelope "+e.Digest().String()[:8], e.String())
	assert.Equal(t, "envelope ", envelope.Envelope{}.String())
}

func TestTextComesBack(t *testing.T) {
	r := newRing(t, envelope.X25519)
	e := r.seal(t, plain, scope)
	data, err := json.Marshal(e)
	require.NoError(t, err)
	var back envelope.Envelope
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, e.Bytes(), back.Bytes())
	text, err := e.MarshalText()
	require.NoError(t, err)
	for _, wrong := range []string{"!", string(text) + "\n", string(text[1:]), string(text) + "AAAA", strings.Repeat("A", 2*envelope.MaxBytes)} {
		assert.True(t, back.UnmarshalText([]byte(wrong)) == envelope.ErrEncoding)
	}
	assert.Equal(t, e.Bytes(), back.Bytes(), "a refused text changes nothing")
	require.NoError(t, back.UnmarshalText(nil))
	assert.True(t, back.IsZero())
	assert.Nil(t, back.Bytes())
}

func TestAnyIdentityInAnyScopeComesBack(t *testing.T) {
	r := newRing(t, envelope.X25519, envelope.X25519, envelope.MLKEM768X25519)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		d := disclosure.IdentityData{
			LegalName: text.Draw(t, "name"), Contact: text.Draw(t, "contact"), Email: text.Draw(t, "email"), Phone: text.Draw(t, "phone"),
			Street: text.Draw(t, "street"), City: text.Draw(t, "city"), Site: text.Draw(t, "site"),
		}
		s := envelope.Scope{
			Listing: rapid.StringMatching(`[a-z/@0-9]{1,64}`).Draw(t, "listing"), Session: rapid.StringMatching(`[a-z0-9]{0,32}`).Draw(t, "session"),
			Schema: disclosure.DigestOf([]byte(text.Draw(t, "schema"))), Policy: disclosure.DigestOf([]byte(text.Draw(t, "policy"))),
		}
		e, err := envelope.Seal(disclosure.NewIdentity(d), r.holders(), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := envelope.Parse(e.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.open(t.Context(), back, s)
		if err != nil || got.Open() != d {
			t.Fatalf("came back as another one: %v", err)
		}
	})
}
