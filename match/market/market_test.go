package market_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/deeperpoint/csss/match/market"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEstimateTables(t *testing.T) {
	guidance := []int64{14000, 15000, 15500, 16000, 16500, 17500, 18500, 19000, 21000, 24000}
	for _, c := range []struct {
		name  string
		rates []int64
		want  market.Estimate
	}{
		{"machining expertise", []int64{15000, 16000, 16500, 17000, 18500},
			market.Estimate{Median: 16500, Q1: 16000, Q3: 17000, IQR: 1000, MAD: 500, N: 5}},
		{"five-axis hours", []int64{11000, 11500, 12000, 12500, 13000},
			market.Estimate{Median: 12000, Q1: 11500, Q3: 12500, IQR: 1000, MAD: 500, N: 5}},
		{"guidance", guidance,
			market.Estimate{Median: 17000, Q1: 15625, Q3: 18875, IQR: 3250, MAD: 1750, N: 10}},
		{"guidance and an outlier", append(slices.Clone(guidance), 90000),
			market.Estimate{Median: 17500, Q1: 15750, Q3: 20000, IQR: 4250, MAD: 2000, N: 11}},
		{"half a cent goes away from zero", []int64{1, 2, 2, 3, 3, 4},
			market.Estimate{Median: 3, Q1: 2, Q3: 3, IQR: 1, MAD: 1, N: 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := slices.Clone(c.rates)
			slices.Reverse(c.rates)
			got, err := market.EstimateOf(c.rates)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			slices.Reverse(c.rates)
			assert.Equal(t, given, c.rates, "the argument is not sorted in place")
		})
	}
}

func TestEstimateRefusesTooFewAndNonsense(t *testing.T) {
	e, err := market.EstimateOf([]int64{1, 2})
	assert.ErrorIs(t, err, market.ErrTooFew)
	assert.Equal(t, market.Estimate{N: 2}, e)
	for _, bad := range [][]int64{{-1, 2, 3}, {1, 2, math.MaxInt64}} {
		_, err = market.EstimateOf(bad)
		assert.ErrorIs(t, err, market.ErrRange)
	}
}

// The twin computes quartiles and deviations in rational numbers from the
// definition of type 7.
func TestEstimateEqualsItsTwin(t *testing.T) {
	quantile := func(s []*big.Rat, p *big.Rat) *big.Rat {
		h := new(big.Rat).Mul(big.NewRat(int64(len(s)-1), 1), p)
		i := new(big.Int).Quo(h.Num(), h.Denom()).Int64()
		frac := new(big.Rat).Sub(h, big.NewRat(i, 1))
		if frac.Sign() == 0 {
			return s[i]
		}
		d := new(big.Rat).Sub(s[i+1], s[i])
		return new(big.Rat).Add(s[i], d.Mul(d, frac))
	}
	round := func(r *big.Rat) int64 {
		x := new(big.Rat).Add(r, big.NewRat(1, 2))
		return new(big.Int).Quo(x.Num(), x.Denom()).Int64()
	}
	sorted := func(s []*big.Rat) []*big.Rat {
		slices.SortFunc(s, func(a, b *big.Rat) int { return a.Cmp(b) })
		return s
	}
	rapid.Check(t, func(t *rapid.T) {
		rates := rapid.SliceOfN(rapid.Int64Range(0, 100000), 3, 40).Draw(t, "rates")
		got, err := market.EstimateOf(rates)
		require.NoError(t, err)
		var s, dev []*big.Rat
		for _, r := range rates {
			s = append(s, big.NewRat(r, 1))
		}
		sorted(s)
		med := quantile(s, big.NewRat(1, 2))
		for _, r := range s {
			d := new(big.Rat).Sub(r, med)
			dev = append(dev, d.Abs(d))
		}
		q1, q3 := quantile(s, big.NewRat(1, 4)), quantile(s, big.NewRat(3, 4))
		assert.Equal(t, market.Estimate{
			Median: round(med), Q1: round(q1), Q3: round(q3), IQR: round(new(big.Rat).Sub(q3, q1)),
			MAD: round(quantile(sorted(dev), big.NewRat(1, 2))), N: len(rates),
		}, got)
	})
}

func TestAgree(t *testing.T) {
	for _, c := range []struct {
		name                   string
		median, floor, ceiling int64
		want                   int64
		ok                     bool
	}{
		{"the median itself", 12000, 9500, 15000, 12000, true},
		{"nearest below", 12249, 0, market.NoCeiling, 12000, true},
		{"a tie goes down", 12250, 0, market.NoCeiling, 12000, true},
		{"nearest above", 12251, 0, market.NoCeiling, 12500, true},
		{"raised to the floor's grid point", 12000, 13100, 15000, 13500, true},
		{"lowered to the ceiling's grid point", 12000, 9000, 10900, 10500, true},
		{"one point", 12000, 16000, 16000, 16000, true},
		{"no point between the bounds", 12000, 12001, 12499, 0, false},
		{"crossed bounds", 12000, 15000, 9500, 0, false},
		{"below zero there is none", 12000, -700, -1, 0, false},
		{"free", 12000, 0, 499, 0, true},
		{"far bounds", 1, math.MaxInt64 - 1, market.NoCeiling, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := market.Agree(c.median, c.floor, c.ceiling)
			assert.Equal(t, c.ok, ok)
			assert.Equal(t, c.want, got)
		})
	}
}

// The twin tries every grid point.
func TestAgreeEqualsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		median := rapid.Int64Range(0, 20000).Draw(t, "median")
		floor := rapid.Int64Range(-100, 20000).Draw(t, "floor")
		ceiling := rapid.Int64Range(-100, 22000).Draw(t, "ceiling")
		var want int64
		found := false
		for p := int64(0); p <= 30000; p += market.Grid {
			if p < floor || p > ceiling {
				continue
			}
			if !found || max(p-median, median-p) < max(want-median, median-want) {
				want, found = p, true
			}
		}
		got, ok := market.Agree(median, floor, ceiling)
		assert.Equal(t, found, ok)
		assert.Equal(t, want, got)
	})
}

func TestFee(t *testing.T) {
	for _, c := range []struct{ rate, milli, want int64 }{
		{16500, 2500, 41250},
		{12000, 50000, 600000},
		{17000, 24000, 408000},
		{1, 499, 0},
		{1, 500, 1},
		{-1, 500, -1},
		{1, -499, 0},
		{math.MaxInt64, 1000, math.MaxInt64},
		{math.MaxInt64, 1001, math.MaxInt64},
		{math.MinInt64, math.MaxInt64, -math.MaxInt64},
		{math.MinInt64, math.MinInt64, math.MaxInt64},
	} {
		assert.Equal(t, c.want, market.Fee(c.rate, c.milli), "%d × %d", c.rate, c.milli)
	}
}

func TestTrustIsNeutralColdAndMovesWithOutcomes(t *testing.T) {
	now := time.Date(2026, 9, 16, 0, 0, 0, 0, time.UTC)
	score := func(o ...market.Outcome) float64 {
		s, err := market.TrustOf(o, now, nil)
		require.NoError(t, err)
		return s.Score
	}
	good := func(rater string, age time.Duration) market.Outcome {
		return market.Outcome{At: now.Add(-age), Rater: rater, Solved: true}
	}
	bad := func(rater string, age time.Duration) market.Outcome {
		return market.Outcome{At: now.Add(-age), Rater: rater}
	}
	year := 365 * 24 * time.Hour
	assert.Equal(t, 0.5, score())
	assert.InDelta(t, 0.6, score(good("a", 0)), 1e-12)
	assert.InDelta(t, 0.4, score(bad("a", 0)), 1e-12)
	assert.InDelta(t, 2.5/4.5, score(good("a", 2*year)), 1e-12, "half weight at the half-life")
	assert.Greater(t, score(good("a", 0), good("b", 0)), score(good("a", 0), good("a", 0)), "one rater counts less")
	assert.Less(t, score(slices.Repeat([]market.Outcome{good("a", 0)}, 1000)...), 0.85, "nobody makes a reputation alone")
	assert.Equal(t, 0.5, score(good("a", -time.Hour)), "the future does not count")
}

func TestTrustDoesNotDependOnOrder(t *testing.T) {
	now := time.Date(2026, 9, 16, 0, 0, 0, 0, time.UTC)
	var all []market.Outcome
	for i := range 30 {
		all = append(all, market.Outcome{At: now.Add(-time.Duration(i%7) * time.Hour), Rater: string(rune('a' + i%3)), Solved: i%4 > 0})
	}
	want, err := market.TrustOf(all, now, nil)
	require.NoError(t, err)
	for seed := range uint64(5) {
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got, err := market.TrustOf(all, now, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Equal(t, 3, want.Raters)
	assert.Equal(t, 30, want.N)
}

func TestTrustRefusesBadOptions(t *testing.T) {
	for _, o := range []market.TrustOptions{{PriorGood: -1}, {PriorBad: math.NaN()}, {PriorGood: math.Inf(1)}, {HalfLife: -1}} {
		_, err := market.TrustOf(nil, time.Time{}, &o)
		assert.ErrorIs(t, err, market.ErrRange)
	}
}

func TestMismatchWaste(t *testing.T) {
	for _, c := range []struct{ installed, used, engaged, want int64 }{
		{736000, 368000, 0, 368000},
		{736000, 368000, 50000, 318000},
		{100, 60, 60, 0},
		{100, 130, 0, 0},
		{math.MaxInt64, 0, math.MaxInt64, 0},
	} {
		got, err := market.MismatchWaste(c.installed, c.used, c.engaged)
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	_, err := market.MismatchWaste(-1, 0, 0)
	assert.ErrorIs(t, err, market.ErrRange)
	u, err := market.Utilisation(80, 32)
	require.NoError(t, err)
	assert.Equal(t, 0.4, u)
	_, err = market.Utilisation(0, 0)
	assert.ErrorIs(t, err, market.ErrRange)
}

func ExampleEstimateOf() {
	e, _ := market.EstimateOf([]int64{11000, 11500, 12000, 12500, 13000})
	fmt.Println(e.Median, e.Q1, e.Q3, e.MAD, e.N)
	_, err := market.EstimateOf([]int64{11000, 12000})
	fmt.Println(err)
	// Output:
	// 12000 11500 12500 500 5
	// market: too few comparables
}

func ExampleAgree() {
	fmt.Println(market.Agree(12000, 9500, 15000)) // cents per hour
	fmt.Println(market.Agree(12000, 16000, 15000))
	// Output:
	// 12000 true
	// 0 false
}

func ExampleFee() {
	fmt.Println(market.Fee(16500, 2500)) // 2.5 h at 165.00
	// Output: 41250
}

func ExampleTrustOf() {
	now := time.Date(2026, 9, 16, 0, 0, 0, 0, time.UTC)
	t, _ := market.TrustOf([]market.Outcome{{At: now, Rater: "group-1", Solved: true}}, now, nil)
	fmt.Printf("%.2f from %d outcome by %d rater\n", t.Score, t.N, t.Raters)
	// Output: 0.60 from 1 outcome by 1 rater
}

func ExampleMismatchWaste() {
	waste, _ := market.MismatchWaste(736_000, 368_000, 50_000)
	fmt.Println(waste)
	// Output: 318000
}
