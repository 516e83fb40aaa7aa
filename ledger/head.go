package ledger

import (
	"hash/crc32"
	"os"
)

// The head file remembers the size and root of the last acknowledged batch, so
// that a directory from which the newest batches were cut off is noticed. It
// has two slots of 512 bytes, written in turn after each sync of a segment but
// not synced itself: a crash of the process leaves it exact, a power cut may
// leave it one or more batches behind, and then it proves less.
//
//	slot  magic(16) ‖ turn(8) ‖ size(8) ‖ root(32) ‖ CRC-32C(4)
const (
	headMagic = "csss/ledger/hd01"
	slotSize  = 512
)

func encodeSlot(turn uint64, h Head) []byte {
	b := make([]byte, 0, slotSize)
	b = append(b, headMagic...)
	b = appendU64(b, turn)
	b = appendU64(b, h.Size)
	b = append(b, h.Root[:]...)
	b = appendU32(b, crc32.Checksum(b, castagnoli))
	return b[:slotSize]
}

func decodeSlot(b []byte) (turn uint64, h Head, ok bool) {
	r := reader{b: b}
	magic := string(r.take(len(headMagic)))
	turn, h.Size, h.Root = r.u64(), r.u64(), r.hash()
	sum := crc32.Checksum(b[:len(b)-len(r.b)], castagnoli)
	return turn, h, r.u32() == sum && !r.bad && magic == headMagic
}

// headFile is the open head file.
type headFile struct {
	f    *os.File
	turn uint64
}

// read returns the newest slot that is whole.
func (h *headFile) read() (best Head, ok bool, err error) {
	b := make([]byte, 2*slotSize)
	n, err := h.f.ReadAt(b, 0)
	if n < len(b) {
		return Head{}, false, eofIsFine(err)
	}
	for slot := range 2 {
		turn, head, whole := decodeSlot(b[slot*slotSize : (slot+1)*slotSize])
		if whole && (!ok || turn > h.turn) {
			h.turn, best, ok = turn, head, true
		}
	}
	return best, ok, nil
}

// write puts a head into the older slot.
func (h *headFile) write(head Head) error {
	h.turn++
	_, err := h.f.WriteAt(encodeSlot(h.turn, head), int64(h.turn%2)*slotSize)
	return err
}

// reset writes both slots and syncs them.
func (h *headFile) reset(head Head, sync func(*os.File) error) error {
	for range 2 {
		if err := h.write(head); err != nil {
			return err
		}
	}
	return sync(h.f)
}
