package policy

import (
	"context"
	"slices"
	"sync"
)

// MemoryLog is a [Logger] in memory, for tests and tools. Its zero value is empty and ready; it may be used by any number
// of goroutines.
type MemoryLog struct {
	mu       sync.RWMutex
	records  []Record
	head     [32]byte
	about    map[[32]byte][]int // places of a record and of its outcomes, by its digest
	payloads map[[32]byte]Payload
}

// Append implements [Logger].
func (m *MemoryLog) Append(ctx context.Context, entries []LogEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	seq := uint64(0)
	if n := len(m.records); n > 0 {
		seq = m.records[n-1].Seq
	}
	if len(entries) > 0 && (entries[0].Record.Seq != seq+1 || entries[0].Record.Prev != m.head) {
		return ErrLogMoved
	}
	if m.about == nil {
		m.about = map[[32]byte][]int{}
	}
	for _, e := range entries {
		m.head = e.Record.Digest()
		m.about[m.head] = append(m.about[m.head], len(m.records))
		if e.Record.Kind == OutcomeRecord {
			m.about[e.Record.Of] = append(m.about[e.Record.Of], len(m.records))
		}
		m.records = append(m.records, e.Record)
		if e.Record.Request != [32]byte{} {
			if m.payloads == nil {
				m.payloads = map[[32]byte]Payload{}
			}
			m.payloads[e.Record.Request] = e.Payload
		}
	}
	return nil
}

// Last implements [Logger].
func (m *MemoryLog) Last(context.Context) (Record, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.records) == 0 {
		return Record{}, false, nil
	}
	return m.records[len(m.records)-1], true, nil
}

// About implements [Logger].
func (m *MemoryLog) About(_ context.Context, record [32]byte) ([]Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []Record
	for _, i := range m.about[record] {
		list = append(list, m.records[i])
	}
	return list, nil
}

// Records returns the records in order. The caller owns the slice; the records share their lists with the log.
func (m *MemoryLog) Records() []Record {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.records)
}

// Payload returns what a record commits to, false if it is unknown or was erased.
func (m *MemoryLog) Payload(request [32]byte) (Payload, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	p, ok := m.payloads[request]
	return p, ok
}

// Erase forgets a payload. The record stays, and says nothing about the request any more.
func (m *MemoryLog) Erase(request [32]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.payloads, request)
}
