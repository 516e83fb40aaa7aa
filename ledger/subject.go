package ledger

import (
	"context"
	"fmt"
)

// subjectKey is a data key that is about to become durable.
type subjectKey struct {
	data    []byte
	wrapped Secret
}

func (t *tenant) newSubjectKey(subject string) *subjectKey {
	k := &subjectKey{data: randomBytes(keySize)}
	k.wrapped.Name = t.subjectSecret(subject)
	k.wrapped.Value = t.wrapKey(k.wrapped.Name, k.data)
	return k
}

// dataKey loads the data key of a subject; not ok where there is none.
func (l *Log) dataKey(ctx context.Context, subject string) ([]byte, bool, error) {
	l.mu.RLock()
	kept := l.data[subject]
	l.mu.RUnlock()
	if kept != nil {
		return kept, true, nil
	}
	name := l.tenant.subjectSecret(subject)
	wrapped, ok, err := l.store.Secret(ctx, name)
	if err != nil || !ok {
		return nil, false, err
	}
	key, ok := l.tenant.unwrapKey(name, wrapped)
	if !ok {
		return nil, false, corrupt("data key of a subject is damaged")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, gone := l.state.shredded[subject]; gone {
		return nil, false, nil
	}
	l.data[subject] = key
	return key, true, nil
}

// payloadSealer is what seals an entry's payload; not ok if a subject's key is
// gone.
func (l *Log) payloadSealer(ctx context.Context, h header) (*sealer, bool, error) {
	return l.sealerWith(ctx, h, nil)
}

func (l *Log) sealerWith(ctx context.Context, h header, fresh map[string]*subjectKey) (*sealer, bool, error) {
	if h.kind == TypeShredded || len(h.subjects) == 0 {
		return l.tenant.plain, true, nil
	}
	var keys [][]byte
	for _, subject := range h.subjects {
		if k := fresh[subject]; k != nil {
			keys = append(keys, k.data)
			continue
		}
		key, ok, err := l.dataKey(ctx, subject)
		if err != nil || !ok {
			return nil, false, err
		}
		keys = append(keys, key)
	}
	if len(keys) != len(h.subjects) {
		return nil, false, fmt.Errorf("ledger: %d keys of %d subjects", len(keys), len(h.subjects))
	}
	return l.tenant.payloadSealer(keys), true, nil
}
