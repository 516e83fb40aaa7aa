package disclosuretest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

func TestLogKeepsItsContract(t *testing.T) {
	ctx := t.Context()
	var log disclosuretest.Log
	faults := map[int]disclosuretest.Fault{5: disclosuretest.Fail, 6: disclosuretest.Lost, 7: disclosuretest.Landed}
	log.Inject = func(n int) disclosuretest.Fault { return faults[n] }
	put := func(key string, expect uint64, types ...string) (bool, error) {
		var recs []disclosure.Record
		for i, typ := range types {
			recs = append(recs, disclosure.Record{Stream: "a", Type: typ, Data: []byte(typ), Subjects: []string{typ}, Expect: expect, Check: i == 0})
		}
		return log.Append(ctx, key, recs...)
	}
	dup, err := put("1", 0, "x", "y")
	require.NoError(t, err)
	assert.False(t, dup)
	dup, err = put("1", 0, "x", "y")
	require.NoError(t, err)
	assert.True(t, dup)
	_, err = put("2", 0, "z")
	require.ErrorIs(t, err, disclosure.ErrConflict)
	_, err = put("2", 2, "z")
	require.NoError(t, err)
	_, err = put("3", 3, "f")
	require.ErrorIs(t, err, disclosuretest.ErrInjected)
	_, err = put("4", 3, "l")
	require.ErrorIs(t, err, disclosure.ErrUnknownOutcome)
	_, err = put("5", 3, "w")
	require.ErrorIs(t, err, disclosure.ErrUnknownOutcome)
	for key, want := range map[string]bool{"1": true, "3": false, "4": false, "5": true} {
		got, err := log.ByKey(ctx, key)
		require.NoError(t, err)
		assert.Equal(t, want, got, key)
	}
	log.Erase("y")
	var seen []string
	for r, err := range log.Read(ctx, "a", 1) {
		require.NoError(t, err)
		assert.EqualValues(t, len(seen)+2, r.Expect)
		seen = append(seen, r.Type+string(r.Data))
	}
	assert.Equal(t, []string{"y", "zz", "ww"}, seen)
	assert.Equal(t, 7, log.Appends())
	assert.Len(t, log.Batches(), 3)
}
