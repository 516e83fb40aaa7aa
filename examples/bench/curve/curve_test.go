package curve_test

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/curve"
)

func TestSpeedAtARecall(t *testing.T) {
	c := curve.Curve{Points: []curve.Point{{0.90, 1000}, {0.96, 100}, {0.95, 90}, {0.99, 50}}}
	for recall, want := range map[float64]curve.Rate{
		0.80:  {QPS: 1000, AtLeast: true},
		0.90:  {QPS: 1000},
		0.93:  {QPS: math.Sqrt(1000 * 100)},
		0.96:  {QPS: 100},
		0.99:  {QPS: 50},
		0.995: {},
	} {
		got := c.At(recall)
		assert.InDelta(t, want.QPS, got.QPS, 1e-6, recall)
		assert.Equal(t, want.AtLeast, got.AtLeast, recall)
	}
	assert.Zero(t, curve.Curve{}.At(0.5))
}

func TestThePictureHoldsEveryPointAndName(t *testing.T) {
	var b strings.Builder
	require.NoError(t, curve.WriteSVG(&b, "a < b", []curve.Curve{
		{Name: "one & two", Points: []curve.Point{{0.5, 10}, {1, 1}}},
		{Name: "three", Points: []curve.Point{{0.9, 5}}},
	}))
	count := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			count[token.Name.Local]++
		case xml.CharData:
			count[string(token)]++
		}
	}
	assert.Equal(t, 2, count["polyline"])
	assert.Equal(t, 3, count["circle"])
	for _, words := range []string{"a < b", "one & two", "three", "0.9", "5", "recall"} {
		assert.Equal(t, 1, count[words], words)
	}
	assert.NotContains(t, b.String(), "NaN")

	b.Reset()
	require.NoError(t, curve.WriteSVG(&b, "nothing", nil))
	assert.NotContains(t, b.String(), "NaN")
}
