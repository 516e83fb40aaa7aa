package ledger

import (
	"context"
	"sync"
)

// subjectKey is the data key of one subject, random, wrapped by the tenant key
// in the store.
type subjectKey struct {
	name  string
	data  []byte
	seals *sealer // for payloads of this subject alone

	// Guarded by the lock of subjectKeys.
	refs  int     // calls that seal with it
	fresh *Secret // to become durable with the first entry; nil once it is
	sent  bool    // the entry that carries it is decided
}

// subjectKeys are the data keys in use: loaded when they are needed, dropped
// when there are many. A fresh key stays while a call holds it, so that calls
// with one new subject seal under one key.
//
// The lock comes after Log.mu: who needs both takes Log.mu first.
type subjectKeys struct {
	mu sync.Mutex
	m  map[string]*subjectKey
}

// keptKeys is how many data keys stay in memory, about 2 KiB each.
const keptKeys = 1 << 14

// hold returns the key that is there.
func (k *subjectKeys) hold(subject string) *subjectKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.m[subject]
	if key != nil {
		key.refs++
	}
	return key
}

// add puts a key in unless there is one, and holds the one that is there.
func (k *subjectKeys) add(key *subjectKey) *subjectKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if have := k.m[key.name]; have != nil {
		have.refs++
		return have
	}
	if len(k.m) >= keptKeys {
		k.thin()
	}
	if k.m == nil {
		k.m = map[string]*subjectKey{}
	}
	key.refs++
	k.m[key.name] = key
	return key
}

// thin drops some keys that nobody holds.
func (k *subjectKeys) thin() {
	n := 0
	for name, key := range k.m {
		if key.refs == 0 {
			delete(k.m, name)
			n++
		}
		if n == keptKeys/16 {
			return
		}
	}
}

// release ends the hold of calls. A fresh key that nobody uses is forgotten.
func (k *subjectKeys) release(keys []*subjectKey) {
	if len(keys) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		key.refs--
		if key.refs == 0 && key.fresh != nil && k.m[key.name] == key {
			delete(k.m, key.name)
		}
	}
}

// send reports whether a key must become durable with the entry that is being
// decided: it is new, and no entry before carries it. It is not ok if the subject
// has another key by now. used says that durable entries name the subject.
func (k *subjectKeys) send(key *subjectKey, used bool) (send, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m[key.name] != key {
		return false, false
	}
	if key.fresh != nil && used { // made before another log's entry was known
		delete(k.m, key.name)
		return false, false
	}
	send = key.fresh != nil && !key.sent
	key.sent = key.sent || send
	return send, true
}

// unsend takes send back: the entry is not written.
func (k *subjectKeys) unsend(keys []*subjectKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		key.sent = false
	}
}

// kept notes that keys are durable.
func (k *subjectKeys) kept(keys []*subjectKey) {
	if len(keys) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		key.fresh = nil
	}
}

// drop forgets a subject's key.
func (k *subjectKeys) drop(subject string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.m, subject)
}

// newKey makes the data key of a new subject.
func (t *tenant) newKey(subject string) *subjectKey {
	key := t.keyOf(subject, randomBytes(keySize))
	name := t.subjectSecret(subject)
	key.fresh = &Secret{Name: name, Value: t.wrapKey(name, key.data)}
	return key
}

func (t *tenant) keyOf(subject string, data []byte) *subjectKey {
	return &subjectKey{name: subject, data: data, seals: t.payloadSealer([][]byte{data})}
}

// sealerOf returns what an entry's payload is sealed with.
func (t *tenant) sealerOf(o *owners) *sealer {
	switch {
	case o == nil || len(o.keys) == 0:
		return t.plain
	case len(o.keys) == 1:
		return o.keys[0].seals
	}
	data := make([][]byte, len(o.keys))
	for i, k := range o.keys {
		data[i] = k.data
	}
	return t.payloadSealer(data)
}

// ownersOf holds the keys of an append's subjects; a subject that is new gets
// one. Whether a shredded one matters is decided later, behind duplicates and
// conflicts. Errors are those of loading a key.
func (l *Log) ownersOf(ctx context.Context, e *Append) (*owners, error) {
	o := &owners{names: subjectSet(e.Subjects)}
	for _, name := range o.names {
		o.ids = append(o.ids, l.tenant.id(idSubject, name))
	}
	if shreds(e.Type) {
		return o, nil
	}
	for i, name := range o.names {
		key, err := l.holdKey(ctx, name, o.ids[i], true)
		if err != nil || key == nil {
			l.subjects.release(o.keys)
			o.keys, o.gone = nil, true
			return o, err
		}
		o.keys = append(o.keys, key)
	}
	return o, nil
}

// holdKey returns the held key of a subject, or nil if it was shredded or, where
// none may be made, has none.
func (l *Log) holdKey(ctx context.Context, subject string, name id, mayMake bool) (*subjectKey, error) {
	if key := l.subjects.hold(subject); key != nil {
		return key, nil
	}
	gone, used, err := l.subjectState(name)
	if err != nil {
		return nil, err
	}
	switch {
	case gone || !used && !mayMake:
		return nil, nil
	case !used:
		return l.subjects.add(l.tenant.newKey(subject)), nil
	}
	secret := l.tenant.subjectSecret(subject)
	wrapped, ok, err := l.store.Secret(ctx, secret)
	if err != nil {
		return nil, err
	}
	if !ok {
		if gone, err := l.shreddedLater(ctx, name); gone || err != nil {
			return nil, err
		}
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return nil, ErrClosed
	}
	if _, gone := l.state.shredded.Get(name); gone { // meanwhile
		return nil, nil
	}
	if !ok {
		return nil, corrupt("data key of a subject is missing")
	}
	data, ok := l.tenant.unwrapKey(secret, wrapped)
	if !ok {
		return nil, corrupt("data key of a subject is damaged")
	}
	return l.subjects.add(l.tenant.keyOf(subject, data)), nil
}

// subjectState says whether a subject was shredded, and whether durable entries
// name it. The error is ErrClosed.
func (l *Log) subjectState(name id) (gone, used bool, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return false, false, ErrClosed
	}
	_, gone = l.state.shredded.Get(name)
	return gone, l.state.head(name) != 0, nil
}
