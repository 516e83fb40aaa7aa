package ledger

import (
	"errors"
	"hash/crc32"
	"sync"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// The head file remembers what was acknowledged, so that a log that lost its end
// is not taken for a shorter one. It has three slots, each in a sector of its
// own:
//
//	slot  magic(16) ‖ turn(8) ‖ epoch(8) ‖ group(8) ‖ size(8) ‖ root(32) ‖ CRC-32C(4)
//
// A slot is written after each sync of the segments and is not synced itself:
// after a loss of power it may be old or torn, which costs nothing. What was
// erased must not look like a torn batch, though, so erasing syncs the head
// first; and the slot that was synced last is not written again before another
// one was. So one slot is whole at any time.
const (
	headMagic = "csss/ledger/head"
	slotSize  = 512
	slotCount = 3
	slotBytes = len(headMagic) + 8 + 8 + 8 + 8 + sizeHash + 4
)

// headSlot is what one slot says.
type headSlot struct {
	turn  uint64
	epoch uint64
	group uint64
	head  Head
}

func (s *headSlot) append(b []byte) []byte {
	start := len(b)
	b = append(b, headMagic...)
	b = appendU64(b, s.turn)
	b = appendU64(b, s.epoch)
	b = appendU64(b, s.group)
	b = appendU64(b, s.head.Size)
	b = append(b, s.head.Root[:]...)
	return appendU32(b, crc32.Checksum(b[start:], castagnoli))
}

// decodeSlot accepts exactly what append writes.
func decodeSlot(b []byte) (s headSlot, ok bool) {
	r := reader{b: b}
	magic := string(r.take(len(headMagic)))
	s.turn, s.epoch, s.group, s.head.Size, s.head.Root = r.u64(), r.u64(), r.u64(), r.u64(), r.hash()
	sum := crc32.Checksum(b[:len(b)-len(r.b)], castagnoli)
	return s, r.u32() == sum && r.done() && magic == headMagic
}

// headFile is the open head file.
type headFile struct {
	f vfs.File

	mu     sync.Mutex
	slot   [slotCount]headSlot // what each holds; turn 0 for none
	newest int
	synced int // the slot that is durable
	buf    []byte
}

// read returns the newest slot that is whole.
func (h *headFile) read() (best headSlot, ok bool, err error) {
	b := make([]byte, slotCount*slotSize)
	n, err := h.f.ReadAt(b, 0)
	if err := eofIsFine(err); err != nil {
		return best, false, err
	}
	for i := range slotCount {
		if from := i * slotSize; from+slotBytes <= n {
			if s, whole := decodeSlot(b[from : from+slotBytes]); whole {
				h.slot[i] = s
				if !ok || s.turn > best.turn {
					best, ok, h.newest = s, true, i
				}
			}
		}
	}
	return best, ok, nil
}

// adopt makes what read found durable, and a newer slot beside it: the slot
// itself cannot be trusted to be on the disk after a sync that failed in an
// earlier life.
func (h *headFile) adopt(s headSlot) error {
	if err := h.f.Sync(); err != nil {
		return err
	}
	h.synced = h.newest
	if err := h.write(s); err != nil {
		return err
	}
	return h.sync()
}

// write puts a head into the oldest slot but the synced one. It is not durable.
func (h *headFile) write(s headSlot) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	to := -1
	for i := range slotCount {
		if i != h.synced && (to < 0 || h.slot[i].turn < h.slot[to].turn) {
			to = i
		}
	}
	s.turn = h.slot[h.newest].turn + 1
	h.buf = s.append(h.buf[:0])
	if _, err := h.f.WriteAt(h.buf, int64(to)*slotSize); err != nil {
		return err
	}
	h.slot[to], h.newest = s, to
	return nil
}

// sync makes the newest slot durable.
func (h *headFile) sync() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.synced == h.newest {
		return nil
	}
	if err := h.f.Sync(); err != nil {
		return err
	}
	h.synced = h.newest
	return nil
}

// keep makes a slot durable that remembers a group, if none is.
func (h *headFile) keep(group uint64) error {
	h.mu.Lock()
	enough := h.slot[h.synced].group >= group
	h.mu.Unlock()
	if enough {
		return nil
	}
	return h.sync()
}

// create fills a new head file.
func (h *headFile) create(s headSlot) error {
	h.synced = -1
	if err := errors.Join(h.write(s), h.write(s), h.write(s)); err != nil {
		return err
	}
	return h.sync()
}
