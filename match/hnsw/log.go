package hnsw

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"unsafe"
)

// A changeLog holds the calls that changed an index since its snapshot:
//
//	header   24 bytes: magic, version, which snapshot (the CRC32C of its header, then that of its sums), CRC32C
//	records  length of the call (8 bytes), checksum, the call, checksum
//
// Each checksum is the CRC32C of all that precedes it after the header's, so that
// records cannot change places.
type changeLog struct {
	f    *os.File
	path string
	crc  uint32
	end  int64
	err  error // of a write; then there are none until the next snapshot
}

const (
	logMagic       = "CSSSHNSL"
	logHeaderBytes = 24
	logRecordBytes = 8 + 4 + 4 // besides the call
)

// Calls.
const (
	addCall = 1 + iota
	deleteCall
)

// identity tells snapshots apart.
func identity(head []byte, sums uint32) uint64 {
	return uint64(binary.LittleEndian.Uint32(head[headerBytes-4:]))<<32 | uint64(sums)
}

func logHeader(snapshot uint64) []byte {
	b := append([]byte(logMagic), 1, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, snapshot)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// newLog puts an empty log in the place of what is at path.
func newLog(path string, snapshot uint64) (*changeLog, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	b := logHeader(snapshot)
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		_, _ = f.Close(), os.Remove(f.Name()) // the error is told
		return nil, err
	}
	return &changeLog{f: f, path: path, crc: checksum(b), end: logHeaderBytes}, nil
}

// openLog opens the log of a snapshot, replays it and cuts off a call that was
// being written when the process ended. A log of another snapshot is replaced.
func openLog(path string, snapshot uint64, replay func(call []byte) error) (*changeLog, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if os.IsNotExist(err) {
		return newLog(path, snapshot)
	}
	if err != nil {
		return nil, err
	}
	l := &changeLog{f: f, path: path}
	fresh, err := l.read(snapshot, replay)
	if err != nil || fresh {
		_ = f.Close() // nothing was written
	}
	if err == nil && fresh {
		return newLog(path, snapshot)
	}
	return l, err
}

func (l *changeLog) read(snapshot uint64, replay func([]byte) error) (fresh bool, err error) {
	info, err := l.f.Stat()
	if err != nil {
		return false, err
	}
	b := make([]byte, logHeaderBytes)
	if _, err := l.f.ReadAt(b, 0); err != nil && err != io.EOF {
		return false, err
	}
	if checksum(b[:logHeaderBytes-4]) != binary.LittleEndian.Uint32(b[logHeaderBytes-4:]) || string(b[:len(logMagic)]) != logMagic {
		return false, &SnapshotError{"log", 0, "header"}
	}
	if string(b) != string(logHeader(snapshot)) {
		return true, nil
	}
	l.crc, l.end = checksum(b), logHeaderBytes
	for l.end < info.Size() {
		call, err := l.next(info.Size() - l.end)
		if err != nil {
			return false, err
		}
		if call == nil {
			break
		}
		if err := replay(call); err != nil {
			return false, fmt.Errorf("%w: %w", &SnapshotError{"log", int(l.end), "a call that fails"}, err)
		}
	}
	if err := l.f.Truncate(l.end); err != nil {
		return false, err
	}
	return false, l.f.Sync()
}

// next returns the call at the end of what was read, or nil if it is the last
// and not whole. left is how long the rest of the file is.
func (l *changeLog) next(left int64) ([]byte, error) {
	if left < logRecordBytes {
		return nil, nil
	}
	head := make([]byte, 12)
	if _, err := l.f.ReadAt(head, l.end); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint64(head)
	crc := extendChecksum(l.crc, head[:8])
	if crc != binary.LittleEndian.Uint32(head[8:]) {
		return nil, &SnapshotError{"log", int(l.end), "checksum"}
	}
	if size > uint64(left-logRecordBytes) {
		return nil, nil
	}
	b := make([]byte, size+4)
	if _, err := l.f.ReadAt(b, l.end+12); err != nil {
		return nil, err
	}
	crc = extendChecksum(extendChecksum(crc, head[8:]), b[:size])
	if crc != binary.LittleEndian.Uint32(b[size:]) {
		if int64(size) == left-logRecordBytes {
			return nil, nil
		}
		return nil, &SnapshotError{"log", int(l.end), "checksum"}
	}
	l.crc = crc
	l.end += logRecordBytes + int64(size)
	return b[:size], nil
}

// append makes a call durable. A log that once failed takes no more: what of a
// failed write reached the disk cannot be known.
func (l *changeLog) append(call []byte) error {
	if l.err != nil {
		return l.err
	}
	b, crc := logRecord(l.crc, call)
	_, err := l.f.WriteAt(b, l.end)
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		l.err = fmt.Errorf("hnsw: log: %w", err)
		_ = l.f.Truncate(l.end) // as far as it still can
		return l.err
	}
	l.crc = crc
	l.end += int64(len(b))
	return nil
}

// logRecord returns the record of a call, and the checksum after it.
func logRecord(crc uint32, call []byte) (record []byte, after uint32) {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, logRecordBytes+len(call)), uint64(len(call)))
	crc = extendChecksum(crc, b)
	b = binary.LittleEndian.AppendUint32(b, crc)
	crc = extendChecksum(extendChecksum(crc, b[8:]), call)
	return binary.LittleEndian.AppendUint32(append(b, call...), crc), crc
}

// encodeCall returns a call as the log has it.
func encodeCall[K Key](kind byte, keys []K, vecs []float32) []byte {
	b := binary.LittleEndian.AppendUint64([]byte{kind}, uint64(len(keys)))
	for i := range keys {
		key := unsafe.Pointer(&keys[i]) // K is one of the three by another name
		switch keyKind[K]() {
		case uint32Keys:
			b = binary.LittleEndian.AppendUint32(b, *(*uint32)(key))
		case uint64Keys:
			b = binary.LittleEndian.AppendUint64(b, *(*uint64)(key))
		default:
			text := *(*string)(key)
			b = append(binary.LittleEndian.AppendUint64(b, uint64(len(text))), text...)
		}
	}
	for _, v := range vecs {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// replay does a call of the log again.
func (x *Index[K]) replay(call []byte) error {
	wrong := &SnapshotError{"log", 0, "not a call"}
	if len(call) < 9 || binary.LittleEndian.Uint64(call[1:]) > uint64(len(call)) {
		return wrong
	}
	kind, keys, b := call[0], make([]K, binary.LittleEndian.Uint64(call[1:])), call[9:]
	for i := range keys {
		key, width := unsafe.Pointer(&keys[i]), 8
		if keyKind[K]() == uint32Keys {
			width = 4
		}
		if len(b) < width {
			return wrong
		}
		switch head := b[:width]; keyKind[K]() {
		case uint32Keys:
			*(*uint32)(key) = binary.LittleEndian.Uint32(head)
		case uint64Keys:
			*(*uint64)(key) = binary.LittleEndian.Uint64(head)
		default:
			n := binary.LittleEndian.Uint64(head)
			if n > uint64(len(b)-8) {
				return wrong
			}
			*(*string)(key) = string(b[8 : 8+n])
			width += int(n)
		}
		b = b[width:]
	}
	if kind == deleteCall && len(b) == 0 {
		_, err := x.Delete(keys...)
		return err
	}
	if kind != addCall || len(b)%4 != 0 {
		return wrong
	}
	vecs := make([]float32, len(b)/4)
	for i := range vecs {
		vecs[i] = math.Float32frombits(word(b, i))
	}
	return x.AddBatch(keys, vecs, nil)
}
