package csss

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure/envelope"
	"github.com/deeperpoint/csss/ledger"
)

// ErrShare means that a key's holder does not open its share of an identity:
// the key is not there, or its keeper refused.
var ErrShare = errors.New("csss: a share of the identity is not available")

// Holder is who holds a share of a sealed identity: the party (the person whose
// opt-in counts), its employer, or the operator of the exchange.
type Holder struct {
	Role   envelope.Role `json:"role"`
	Firm   string        `json:"firm,omitempty"`   // of the party and of the employer
	Person string        `json:"person,omitempty"` // of the party
}

// Keys are private keys that the host keeps: in devices of the parties, in
// services of the firms, in a vault of its own. Who reads the exchange's
// storage, with all its secrets, then cannot open an identity that a session
// has sealed. See [Config].
//
// Both methods may be called concurrently. The party's key is asked in its own
// opt-in; the employer's in an approval, or where its rules alone approve in its
// party's opt-in and in Tick; the operator's in views after the reveal. Nobody's
// is asked in a step of the other side's. A share that is not the one that was
// sealed is refused like none.
//
// A holder keeps the keys of its open sessions: one that is gone or changed is
// ErrShare for the rest of their lives. Nobody is told whose key kept a session
// from opening; Select then returns ErrUnavailable. A ledger may be opened with
// and without Keys in turn; each session opens with the keys it was sealed under.
type Keys interface {
	// PublicKey is what shares of the holder are sealed to, different for each
	// holder. An error keeps a session from being opened.
	PublicKey(ctx context.Context, h Holder) (envelope.PublicKey, error)
	// OpenShare is envelope.Opener's for the holder's key. An error keeps the
	// holder's consent from being given, and a view from being shown.
	OpenShare(ctx context.Context, h Holder, r envelope.Request) ([]byte, error)
}

// ownKeys are the keys that the exchange makes and keeps if the host keeps none.
// Each comes from a seed in the record of its holder, so that erasing the
// holder destroys it.
type ownKeys struct{ x *Exchange }

// subject is whose record has the holder's seed.
func (h Holder) subject() string {
	switch h.Role {
	case envelope.Party:
		return h.Person
	case envelope.Employer:
		return h.Firm
	default:
		return exchangeSubject
	}
}

func (k ownKeys) private(h Holder) (envelope.PrivateKey, error) {
	seed, ok := k.x.seed(h.subject())
	if !ok {
		return envelope.PrivateKey{}, ErrShare
	}
	return keyFrom(seed, h.Role.String(), hpke.MLKEM768X25519())
}

// PublicKey implements [Keys].
func (k ownKeys) PublicKey(_ context.Context, h Holder) (envelope.PublicKey, error) {
	key, err := k.private(h)
	return key.Public(), err
}

// OpenShare implements [Keys].
func (k ownKeys) OpenShare(ctx context.Context, h Holder, r envelope.Request) ([]byte, error) {
	key, err := k.private(h)
	if err != nil {
		return nil, err
	}
	return key.OpenShare(ctx, r)
}

// opener is one holder's key among many.
type opener struct {
	keys Keys
	h    Holder
}

func (o opener) OpenShare(ctx context.Context, r envelope.Request) ([]byte, error) {
	return o.keys.OpenShare(ctx, o.h, r)
}

// seedSize is how many random bytes a key is derived from.
const seedSize = 32

// newSeed is of a new firm or person, none where the host keeps the keys.
func (st *state) newSeed() []byte {
	if st.hostKeys {
		return nil
	}
	return newSeed()
}

func newSeed() []byte {
	seed := make([]byte, seedSize)
	_, _ = rand.Read(seed) // never fails
	return seed
}

// stretched derives from a seed what one purpose needs.
func stretched(seed []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, seed, nil, "csss/keys/"+purpose+"/v1", seedSize)
}

func keyFrom(seed []byte, purpose string, kem hpke.KEM) (envelope.PrivateKey, error) {
	ikm, err := stretched(seed, purpose)
	if err != nil {
		return envelope.PrivateKey{}, fmt.Errorf("csss: derive a key: %w", err)
	}
	defer clear(ikm)
	key, err := kem.DeriveKeyPair(ikm)
	if err != nil {
		return envelope.PrivateKey{}, fmt.Errorf("csss: derive a key: %w", err)
	}
	return envelope.NewPrivateKey(key)
}

// exchangeSubject owns the exchange's own seed. No firm or person can be called
// so: see subjectTaken.
const exchangeSubject = "exchange/keys"

// signerOf is the key that signs the commitments of all sessions. It is the exchange's own, since a
// firm's would tell whose a commitment is.
func signerOf(seed []byte) (ed25519.PrivateKey, error) {
	raw, err := stretched(seed, "sign")
	if err != nil {
		return nil, fmt.Errorf("csss: derive a key: %w", err)
	}
	return ed25519.NewKeyFromSeed(raw), nil
}

// handOf is the key to which a consent hands the share that it opens. It is
// classical, because a share has to fit a sealed event; the operator's own
// share keeps the envelope closed to who might break it.
func handOf(seed []byte) (envelope.PrivateKey, error) {
	return keyFrom(seed, "hand", hpke.DHKEM(ecdh.X25519()))
}

// CommitmentKey is the public key under which [View.Commitment] and the proof of
// an identity verify (package disclosure/sdjwt), nil before the first firm is
// registered; in a ledger from before there were commitments, before the next
// session opens. It stays the same for the ledger's life; hand it to whoever
// verifies offline.
func (x *Exchange) CommitmentKey() ed25519.PublicKey {
	seed, ok := x.seed(exchangeSubject)
	if !ok {
		return nil
	}
	key, err := signerOf(seed)
	if err != nil {
		return nil
	}
	return key.Public().(ed25519.PublicKey)
}

// seed is the seed of a subject's keys.
func (x *Exchange) seed(subject string) ([]byte, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	seed, ok := x.st.seeds[subject]
	return seed, ok
}

// holderKeyed gives keys to whom the ledger knew before there were any, and to
// the exchange itself.
type holderKeyed struct {
	Subject string `json:"subject"`
	Seed    []byte `json:"seed"`
}

func (*holderKeyed) kind() string { return "keys.made" }

func (ev *holderKeyed) fold(st *state, _ ledger.Entry) { st.seeded(ev.Subject, ev.Seed) }

// seeded notes a subject's seed; the first stays.
func (st *state) seeded(subject string, seed []byte) {
	if len(seed) == seedSize && st.seeds[subject] == nil {
		st.seeds[subject] = seed
	}
}

// unkeyed are those of the subjects that have no keys yet.
func (st *state) unkeyed(subjects ...string) []string {
	return slices.DeleteFunc(subjects, func(s string) bool {
		return st.seeds[s] != nil || st.hostKeys && s != exchangeSubject
	})
}

// withKeys adds the exchange's own seed to the batch that registers the first
// firm.
func (st *state) withKeys(evs []event) []event {
	for _, ev := range evs {
		if _, firm := ev.body.(*firmRegistered); firm && st.seeds[exchangeSubject] == nil {
			return append(evs, keysMade(exchangeSubject))
		}
	}
	return evs
}

func keysMade(subject string) event {
	return event{stream: "keys/" + subject, fresh: true, body: &holderKeyed{Subject: subject, Seed: newSeed()}, subjects: []string{subject}}
}

// makeKeys logs a seed for each subject that has none: in a ledger from before
// there were keys, and where the host kept them so far. A seed that another
// process has logged first is taken.
func (x *Exchange) makeKeys(ctx context.Context, at time.Time, subjects []string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range subjects {
		if len(x.st.unkeyed(s)) == 0 {
			continue
		}
		err := x.commit(ctx, By{ID: "keys/" + s}, "", at, []event{keysMade(s)})
		if errors.Is(err, ledger.ErrConflict) {
			err = x.catchUp(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
