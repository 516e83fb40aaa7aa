package envelope

import (
	"context"
	"crypto/hpke"
	"crypto/subtle"
	"errors"
	"slices"

	"github.com/deeperpoint/csss/disclosure"
)

// An Opener holds a key: in memory, see [PrivateKey], or in a device or service
// that asks its owner first. It may be called concurrently.
type Opener interface {
	// OpenShare opens r.Sealed by HPKE with r.Info() and returns the 32 bytes
	// in it, which the caller will overwrite. What the error says is dropped, but
	// for ErrUnavailable and the context's own.
	OpenShare(ctx context.Context, r Request) ([]byte, error)
}

// A Request is what an [Opener] is asked to open. It says what for, so that a
// device can show that to its owner. HPKE with another purpose does not open.
type Request struct {
	Role     Role              `json:"role"`
	Envelope disclosure.Digest `json:"envelope"`         // that the share belongs to
	Scope    Scope             `json:"scope"`            // that the envelope is sealed for
	Handed   bool              `json:"handed,omitempty"` // the share was handed to the key by its holder
	Suite    Suite             `json:"suite"`
	Sealed   []byte            `json:"sealed"` // encapsulated key and ciphertext
}

// Info returns the info of HPKE, 32 bytes over all fields but Suite and Sealed.
func (r Request) Info() []byte {
	label, scope := shareLabel, r.Scope.digest()
	if r.Handed {
		label = handedLabel
	}
	h := labelled(label)
	h.Write([]byte{byte(r.Role)})
	h.Write(r.Envelope[:])
	h.Write(scope[:])
	return h.Sum(nil)
}

// OpenShare implements [Opener]. It fails with [ErrRefused].
func (k PrivateKey) OpenShare(_ context.Context, r Request) ([]byte, error) {
	key := k.Open()
	if key == nil || Suite(key.KEM().ID()) != r.Suite {
		return nil, ErrRefused
	}
	value, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), r.Info(), r.Sealed)
	if err != nil {
		return nil, ErrRefused
	}
	return value, nil
}

// A Share is one holder's part of a data key, opened. It prints as "sealed", and
// can leave the process only by HandTo. Copies share memory.
type Share struct {
	disclosure.Sealed[*part]
}

// A part says, beside its value, what it may be combined for.
type part struct {
	role  Role
	name  disclosure.Digest
	scope Scope
	value [shareSize]byte
}

func (p *part) request() Request { return Request{Role: p.role, Envelope: p.name, Scope: p.scope} }

// Check is what [SealChecked] gave for the share that was sealed; zero for a
// share that is zero or wiped.
func (s Share) Check() disclosure.Digest {
	p := s.Open()
	if p == nil || !p.role.valid() {
		return disclosure.Digest{}
	}
	return checkOf(p.request(), p.value[:])
}

// Wipe overwrites the share in all copies of this value, which then are of no use.
func (s Share) Wipe() {
	if p := s.Open(); p != nil {
		*p = part{}
	}
}

// HandTo seals the share to another key, so that it can travel: from the device
// of its holder to the process that will combine. What arrives is opened by
// [Receive], for the same envelope, role and scope alone. It fails with
// [ErrRefused] if the share is zero or wiped, or the key is none to agree with.
func (s Share) HandTo(key PublicKey) ([]byte, error) {
	p := s.Open()
	if p == nil || !p.role.valid() {
		return nil, ErrRefused
	}
	r := p.request()
	r.Handed = true
	x, err := key.seal(r.Info(), p.value[:])
	if err != nil {
		return nil, ErrRefused
	}
	return x.bytes(), nil
}

// Receive opens a share that its holder handed to the opener's key by
// [Share.HandTo]. It fails as [OpenShare] does.
func Receive(ctx context.Context, e Envelope, scope Scope, role Role, handed []byte, opener Opener) (Share, error) {
	x, rest, ok := cutBox(handed)
	if !ok || len(rest) != 0 {
		return Share{}, ErrRefused
	}
	return open(ctx, e, scope, role, x, opener, true)
}

// OpenShare opens the share of one holder. That its envelope is sound shows when
// shares are combined, not before.
//
// It fails with [ErrRefused] if the key, the scope or the role is another than
// it was sealed for or the share was changed, with [ErrShredded], with
// [ErrUnavailable] if the opener says so, and with the context's error. Cost:
// one decapsulation, 0.15 ms with a hybrid key.
func OpenShare(ctx context.Context, e Envelope, scope Scope, role Role, opener Opener) (Share, error) {
	if !role.valid() {
		return Share{}, ErrRefused
	}
	return open(ctx, e, scope, role, e.boxes[role-Party], opener, false)
}

func open(ctx context.Context, e Envelope, scope Scope, role Role, x box, opener Opener, handed bool) (Share, error) {
	if e.Shredded() {
		return Share{}, ErrShredded
	}
	if e.IsZero() || !role.valid() || scope.check() != nil || opener == nil {
		return Share{}, ErrRefused
	}
	p := &part{role: role, name: e.name, scope: scope}
	r := p.request()
	r.Handed, r.Suite, r.Sealed = handed, x.suite, slices.Clone(x.sealed)
	value, err := opener.OpenShare(ctx, r)
	defer clear(value)
	switch {
	case err != nil:
		return Share{}, why(ctx, err)
	case len(value) != shareSize:
		return Share{}, ErrRefused
	}
	copy(p.value[:], value)
	return Share{disclosure.Seal(p)}, nil
}

// why drops what an opener's error says: its text may come from anywhere.
func why(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrUnavailable):
		return ErrUnavailable
	}
	return ErrRefused
}

// Combine opens an envelope with the shares of all three roles, in any order.
// The shares stay as they are; wipe them when they are no longer needed.
//
// It fails with [ErrRefused] if a role is missing or doubled, a share is of
// another envelope or scope, or anything was changed since it was sealed, and
// with [ErrShredded]. Cost: 10 µs for a block of the first size.
func Combine(e Envelope, scope Scope, shares ...Share) (disclosure.Identity, error) {
	if e.Shredded() {
		return disclosure.Identity{}, ErrShredded
	}
	key, ok := e.join(scope, shares)
	defer clear(key)
	if !ok {
		return disclosure.Identity{}, ErrRefused
	}
	identity, ok := e.read(scope, key)
	if !ok {
		return disclosure.Identity{}, ErrRefused
	}
	return identity, nil
}

// join returns the data key if the shares are one of each role, made for e and scope.
func (e Envelope) join(scope Scope, shares []Share) (key []byte, ok bool) {
	var seen [roles]bool
	key = make([]byte, keySize)
	if len(shares) != roles {
		return key, false
	}
	for _, s := range shares {
		p := s.Open()
		if p == nil || !p.role.valid() || p.name != e.name || p.scope != scope || seen[p.role-Party] {
			return key, false
		}
		seen[p.role-Party] = true
		subtle.XORBytes(key, key, p.value[:])
	}
	return key, true
}

// read opens the payload and checks that it is what the digest promised: AES-GCM
// alone would let a ciphertext be made that opens under two keys.
func (e Envelope) read(scope Scope, key []byte) (disclosure.Identity, bool) {
	aead, err := payloadCipher(key)
	if err != nil {
		return disclosure.Identity{}, false
	}
	block, err := aead.Open(nil, nil, e.payload, scope.additional(e.name))
	defer clear(block)
	if err != nil || scope.name(block) != e.name {
		return disclosure.Identity{}, false
	}
	return unpadded(block)
}

// Rotate returns the envelope with one holder's share sealed to a new key,
// which may be of another suite. The identity stays closed, the digest and the
// other holders' shares stay as they are; e is not changed. Shred e once the new one is
// stored.
//
// It fails as [OpenShare] does, and with [ErrRefused] for a key that is none.
func Rotate(ctx context.Context, e Envelope, scope Scope, role Role, opener Opener, to PublicKey) (Envelope, error) {
	s, err := OpenShare(ctx, e, scope, role, opener)
	if err != nil {
		return Envelope{}, err
	}
	defer s.Wipe()
	p := s.Open()
	x, err := to.seal(p.request().Info(), p.value[:])
	if err != nil {
		return Envelope{}, ErrRefused
	}
	e.payload = slices.Clone(e.payload)
	for i := range e.boxes {
		e.boxes[i].sealed = slices.Clone(e.boxes[i].sealed)
	}
	e.boxes[role-Party] = x
	return e, nil
}
