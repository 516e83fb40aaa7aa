package ledger_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// leafWith is a leaf record with these public names and values, in this order.
func leafWith(pairs ...string) []byte {
	b := ledger.EncodeLeafTime(1)
	binary.BigEndian.PutUint16(b[len(b)-2:], uint16(len(pairs)/2))
	for _, s := range pairs {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b
}

func TestLeafHasOneForm(t *testing.T) {
	many := func(n int) (pairs []string) {
		for i := range n {
			pairs = append(pairs, fmt.Sprintf("%02d", i), "")
		}
		return pairs
	}
	for what, c := range map[string]struct {
		record []byte
		ok     bool
	}{
		"nothing public":  {leafWith(), true},
		"sorted":          {leafWith("a", "2", "b", "1"), true},
		"empty value":     {leafWith("a", ""), true},
		"as many as may":  {leafWith(many(ledger.MaxPublicPairs)...), true},
		"as much as may":  {leafWith("a", strings.Repeat("x", ledger.MaxPublic-1)), true},
		"unsorted":        {leafWith("b", "1", "a", "2"), false},
		"twice":           {leafWith("a", "1", "a", "1"), false},
		"no name":         {leafWith("", "1"), false},
		"name not UTF-8":  {leafWith("\xff", "1"), false},
		"value not UTF-8": {leafWith("a", "\xff"), false},
		"too many":        {leafWith(many(ledger.MaxPublicPairs + 1)...), false},
		"too much":        {leafWith("a", strings.Repeat("x", ledger.MaxPublic)), false},
		"something left":  {append(leafWith("a", "1"), 0), false},
		"cut off":         {leafWith("a", "1")[:160], false},
		"fewer than said": {leafWith("a", "1", "b", "2")[:len(leafWith("a", "1"))], false},
		"before 1970":     {ledger.EncodeLeafTime(-1), false},
		"another domain":  {append([]byte{0, 19}, append([]byte("csss/ledger/leaf/v2"), leafWith()[21:]...)...), false},
	} {
		l, ok := ledger.DecodeLeaf(c.record)
		assert.Equal(t, c.ok, ok, what)
		if c.ok {
			require.Equal(t, c.record, l.Encode(), what)
			require.LessOrEqual(t, len(c.record), 1024)
		}
	}
}

func TestHeaderHasOneForm(t *testing.T) {
	header := func(version []byte, seconds int64, nanos uint64, subjects ...string) []byte {
		b := append([]byte{1, 's'}, version...)
		b = append(b, 1, 't', 1, 'k')
		b = binary.AppendVarint(b, seconds)
		b = binary.AppendUvarint(b, nanos)
		b = binary.AppendUvarint(b, uint64(len(subjects)))
		for _, s := range subjects {
			b = append(append(b, byte(len(s))), s...)
		}
		return b
	}
	one := []byte{1}
	for what, c := range map[string]struct {
		record []byte
		ok     bool
	}{
		"plain":             {header(one, 0, 0), true},
		"subjects":          {header(one, -62135596800, 999_999_999, "p", "q"), true},
		"unsorted subjects": {header(one, 0, 0, "q", "p"), false},
		"subject twice":     {header(one, 0, 0, "p", "p"), false},
		"too many nanos":    {header(one, 0, 1e9), false},
		"all nanos":         {header(one, 0, math.MaxUint64), false},
		"last second":       {header(one, math.MaxInt64, 999_999_999), true},
		"first second":      {header(one, math.MinInt64, 0), true},
		"long number":       {header([]byte{0x81, 0}, 0, 0), false},
		"endless number":    {header([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 0, 0), false},
		"something left":    {append(header(one, 0, 0), 0), false},
		"nothing":           {nil, false},
	} {
		again, ok := ledger.DecodeHeader(c.record)
		assert.Equal(t, c.ok, ok, what)
		if c.ok {
			require.Equal(t, c.record, again, what)
		}
	}
}
