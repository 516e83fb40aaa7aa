package hnsw

import (
	"bytes"
	"encoding/binary"
)

// Repair makes the checksums of a damaged snapshot right, where there are any.
func Repair(b []byte) []byte {
	if len(b) < headerBytes {
		return b
	}
	var h header
	h.each(&fields{b: b[len(magic)+4:]})
	sums, n := 0, len(b)
	for i := range sections {
		if h.at[i] < 0 || h.until(i) > n || h.until(i) < h.at[i] {
			return b
		}
	}
	if h.sums > n {
		return b
	}
	sums = h.sums
	for i := range sections {
		for at := h.at[i]; at < h.until(i) && sums+4 <= n; at += blockBytes {
			binary.LittleEndian.PutUint32(b[sums:], checksum(b[at:min(at+blockBytes, h.until(i))]))
			sums += 4
		}
	}
	h.sumsCRC = checksum(b[h.sums:])
	copy(b, h.encode())
	return b
}

// CallsOf returns the calls of a log that is whole.
func CallsOf(log []byte) (calls [][]byte) {
	for b := log[logHeaderBytes:]; len(b) > 0; {
		n := binary.LittleEndian.Uint64(b)
		calls = append(calls, b[12:12+n])
		b = b[logRecordBytes+n:]
	}
	return calls
}

// LogOf returns a log of these calls, whatever they are, for the snapshot that
// another log is of.
func LogOf(another []byte, calls ...[]byte) []byte {
	log := bytes.Clone(another[:logHeaderBytes])
	crc := checksum(log)
	for _, call := range calls {
		var record []byte
		record, crc = logRecord(crc, call)
		log = append(log, record...)
	}
	return log
}
