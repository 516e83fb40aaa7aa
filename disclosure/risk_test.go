package disclosure_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

func TestRiskCountsWhatAHiddenFieldSays(t *testing.T) {
	schema := append(disclosure.DefaultSchema(), disclosure.Field{Name: "rate", Class: disclosure.Sensitive, Weight: 1,
		Levels: []disclosure.Level{{Bounds: []float64{100, 150, 200}, Format: "from %s an hour"}}})
	s, err := disclosure.NewSummarizer(schema, &disclosure.SummaryOptions{K: 3})
	require.NoError(t, err)
	put := func(group string, rate float64) {
		s.Put(at("Hamilton", group, facts{"machine_type": {"5_axis"}}, numbers{"rate": rate}))
	}
	put("a", 110)
	put("b", 160)
	put("c", 170)
	_, risk, err := s.Freeze("o-a", noon)
	require.NoError(t, err)
	assert.Equal(t, 2, risk.L)
	assert.InDelta(t, 1.0/3, risk.Prosecutor, 1e-12)
	put("c", 120)
	put("d", 130)
	sum, risk, err := s.Freeze("o-a", noon)
	require.NoError(t, err)
	assert.Equal(t, "five-axis, from 100 an hour", sum.Text)
	assert.Zero(t, risk.L, "shown, so nothing is hidden")
}
