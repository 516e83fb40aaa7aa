package ledger

import (
	"context"
)

// opened is a frame that was taken apart. Its bytes lie in the frame and in the
// buffer the header was opened into.
type opened struct {
	index  uint64
	leaf   leaf
	hash   Hash // of the leaf
	nonce  []byte
	plain  []byte // the header as it was committed to
	raw    rawHeader
	erased bool
}

// open decodes a frame, and checks that its header was sealed for its leaf, which
// only the holder of the tenant key can do. It returns what does not hold, or
// nothing. The header is opened behind dst.
func (t *tenant) open(s *scratch, o *opened, f *Frame, dst []byte) (what string) {
	o.hash = s.leafHash(f.Leaf)
	return t.openHashed(o, f, dst)
}

// openHashed is open for a leaf that was hashed.
func (t *tenant) openHashed(o *opened, f *Frame, dst []byte) (what string) {
	o.index, o.erased, o.nonce, o.plain, o.raw = f.Index, f.Erased, nil, nil, rawHeader{}
	if !o.leaf.decode(f.Leaf) {
		return "leaf is not canonical"
	}
	var ok bool
	if o.nonce, o.plain, ok = t.headers.openHeader(dst, f.Header, &o.hash); !ok {
		return "header: ciphertext does not open"
	}
	o.plain = o.plain[len(dst):]
	if o.raw, ok = parseHeader(o.plain); !ok {
		return "header is not canonical"
	}
	return ""
}

// follows says whether the header commitment holds, which binds the entry to the
// leaf of the stream's entry before.
func (o *opened) follows(t *tenant, s *scratch, previous *Hash) bool {
	return s.headerCommitment(s.saltOf(t.headers.salt, o.nonce), previous, o.plain) == o.leaf.header
}

// place computes the identifiers for the indexes.
func (o *opened) place(t *tenant, s *scratch) placed {
	p := placed{key: keyID(o.leaf.key), stream: s.idOf(t, idStream, o.raw.stream), kind: s.idOf(t, idType, o.raw.kind)}
	p.shreds = shreds(string(o.raw.kind))
	for _, name := range o.raw.subjects {
		p.subjects = append(p.subjects, t.idOf(idSubject, name))
	}
	return p
}

// openPayload opens the payload of a frame behind dst. It is erased only if the
// log says that one of its subjects was shredded; otherwise a missing payload, or
// a missing key, is damage.
func (l *Log) openPayload(ctx context.Context, s *scratch, o *opened, sealed, dst []byte) (salt *Hash, plain []byte, erased bool, err error) {
	erased, err = l.withPayload(ctx, o, func(k *sealer) (what string) {
		salt, plain, what = k.openPayload(s, dst, o.nonce, sealed, &o.leaf.payload)
		return what
	})
	return salt, plain, erased, err
}

// withPayload calls open with what seals an entry's payload, and says what an
// outcome means.
func (l *Log) withPayload(ctx context.Context, o *opened, open func(*sealer) (what string)) (erased bool, err error) {
	keys, have, err := l.keysOf(ctx, o)
	if err != nil {
		return false, err
	}
	defer l.subjects.release(keys.keys)
	what := "missing, and no subject was shredded"
	if have && !o.erased {
		if what = open(l.tenant.sealerOf(&keys)); what == "" {
			return false, nil
		}
	}
	// Asked after the key and the frame: a shredding in between is then seen.
	gone, err := l.shredded(ctx, o)
	if err == nil && !gone {
		err = corruptEntry(o.index, "payload: "+what)
	}
	return gone, err
}

// keysOf holds the keys of an entry's payload, or none if one is gone.
func (l *Log) keysOf(ctx context.Context, o *opened) (keys owners, have bool, err error) {
	if len(o.raw.subjects) == 0 || shreds(string(o.raw.kind)) {
		return owners{}, true, nil
	}
	for _, name := range o.raw.subjects {
		key, err := l.holdKey(ctx, string(name), l.tenant.idOf(idSubject, name), false)
		if err != nil || key == nil {
			l.subjects.release(keys.keys)
			if damage := asCorrupt(err); damage != nil {
				err = corruptEntry(o.index, "payload: "+damage.What)
			}
			return owners{}, false, err
		}
		keys.keys = append(keys.keys, key)
	}
	return keys, true, nil
}

// shredded reports whether one of an entry's subjects was shredded. Errors:
// ErrClosed, and those of looking behind the view.
func (l *Log) shredded(ctx context.Context, o *opened) (bool, error) {
	if len(o.raw.subjects) == 0 || shreds(string(o.raw.kind)) {
		return false, nil
	}
	var names []id
	for _, name := range o.raw.subjects {
		names = append(names, l.tenant.idOf(idSubject, name))
	}
	if gone, err := l.shreddedNow(names); gone || err != nil {
		return gone, err
	}
	return l.shreddedLater(ctx, names...)
}

func (l *Log) shreddedNow(names []id) (bool, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return false, ErrClosed
	}
	for _, name := range names {
		if _, gone := l.state.shredded.Get(name); gone {
			return true, nil
		}
	}
	return false, nil
}
