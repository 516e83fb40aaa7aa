package lexical_test

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/embed/embedtest"
	"github.com/deeperpoint/csss/embed/lexical"
	"github.com/deeperpoint/csss/internal/beir"
)

func TestConforms(t *testing.T) {
	for _, dims := range []int{lexical.MinDims, lexical.DefaultDims, 1000} {
		embedtest.Run(t, embedder(t, dims))
	}
}

func TestNewRefusesDimsOutsideItsLimits(t *testing.T) {
	for _, dims := range []int{-1, 1, lexical.MinDims - 1, lexical.MaxDims + 1} {
		_, err := lexical.New(&lexical.Options{Dims: dims})
		require.EqualError(t, err, fmt.Sprintf("lexical: Dims %d, want 64 to 65536", dims))
	}
	assert.Equal(t, embed.Info{
		ID: "csss-lexical/1/512", Dims: 512, MaxTokens: lexical.MaxTokens, Normalized: true, Metric: embed.Cosine,
	}, embedder(t, 0).Info())
	assert.Equal(t, "csss-lexical/1/64", embedder(t, lexical.MinDims).Info().ID)
}

// The bits of version 1. A change here is a new version in Info.ID, never a new number in this test.
func TestVectorsOfVersion1NeverChange(t *testing.T) {
	h := sha256.New()
	for _, row := range rows(t, embedder(t, 0), golden...) {
		require.NoError(t, binary.Write(h, binary.LittleEndian, row))
	}
	assert.Equal(t, "0dce8e2c77c809597b9d2f2e2853e825e5e39a60e747d01cd235f6c0e51a3bfe", fmt.Sprintf("%x", h.Sum(nil)))
}

var golden = []string{
	"", "a", "Retired toolmaker offers two days a week", "5-axis milling of titanium, 0.01 mm", "IATF16949 auditor",
	"Makino a61 idle on the night shift", "we need a coordinate measuring machine, 50 h/month",
	"usinage à façon d'alliages légers", "ﬁne ＢＯＲＩＮＧ", "Straße", "精密加工", "welding welding welding",
}

// Texts that a reader takes for the same are the same vector.
func TestOneFormForOneText(t *testing.T) {
	for _, same := range [][]string{
		{"IATF 16949", "iatf16949", "IATF - 16949", "IATF\u200b 16949"},
		{"usinage à façon", "USINAGE A FACON", "usinage a\u0300 fac\u0327on"},
		{"fine boring", "ﬁne ＢＯＲＩＮＧ", "fine, boring!", "\u00adfine bor\u00ading"},
		{"strasse", "Straße", "STRASSE"},
		{"", " ", "!?…", "\u200b", "\x00\xff", "🙂"},
	} {
		got := rows(t, embedder(t, 4096), same...)
		for i := range got {
			assert.Greater(t, dot(got[0], got[i]), 0.95, "%q and %q", same[0], same[i])
		}
	}
	got := rows(t, embedder(t, 0), "USINAGE A FACON", "usinage à façon")
	assert.Equal(t, got[0], got[1])
}

func TestNearAndFar(t *testing.T) {
	for _, c := range []struct{ text, near, far string }{
		{"coordinate measuring machine programmer", "CMM: coordinate-measuring machines", "payroll accountant"},
		{"powder coating line", "powder coaters wanted", "powdered milk drying"},
		{"Makino a61", "a Makino A61, three pallets", "a Mazak i700"},
		{"welder", "welding", "wedding"},
		{"we have the and of a lathe", "lathe", "we have the and of a kiln"},
		{"5-axis milling", "3-axis milling", "5 pm meeting"},
		{"IATF 16949 audit", "auditing to IATF16949", "ISO 9001 audit"},
	} {
		got := rows(t, embedder(t, 0), c.text, c.near, c.far)
		assert.Greater(t, dot(got[0], got[1]), dot(got[0], got[2])+0.05, "%q: %q, %q", c.text, c.near, c.far)
	}
}

// A text without content lies at a right angle to every text that has some.
func TestEmptyTextIsLikeNothingElse(t *testing.T) {
	got := rows(t, embedder(t, lexical.MinDims), golden...)
	assert.Equal(t, float32(1), got[0][0])
	for i, row := range got[1:] {
		assert.Zero(t, dot(got[0], row), "%q", golden[i+1])
		assert.Zero(t, row[0])
	}
}

func TestWordOrderMovesOnlyPairs(t *testing.T) {
	got := rows(t, embedder(t, 4096), "laser welding thin sheet", "sheet thin welding laser", "laser welding thick plate")
	assert.Greater(t, dot(got[0], got[1]), 0.85)
	assert.Less(t, dot(got[0], got[1]), 0.999)
	assert.Greater(t, dot(got[0], got[1]), dot(got[0], got[2]))
}

func TestTextsAreCutWhereTheLimitsSay(t *testing.T) {
	e := embedder(t, 0)
	words := strings.Repeat("mill turn ", lexical.MaxTokens/2)
	got := rows(t, e, words, words+"grind hone lap", words[:len(words)-5]+"grind")
	assert.Equal(t, got[0], got[1], "words beyond MaxTokens are not read")
	assert.NotEqual(t, got[0], got[2], "the last word within MaxTokens is read")

	spaces := strings.Repeat(" ", lexical.MaxBytes-3)
	got = rows(t, e, "hone", spaces+"hone", spaces+"hon", "hon", spaces+"aaé", "aa", spaces+"aéa", "aé")
	assert.Equal(t, got[3], got[1], "bytes beyond MaxBytes are not read")
	assert.Equal(t, got[3], got[2])
	assert.Equal(t, got[5], got[4], "no rune is cut in two")
	assert.Equal(t, got[7], got[6])
	assert.NotEqual(t, got[0], got[1])
}

// The obvious twin: strings, maps and the standard library's FNV, straight from the package comment.
func TestTwinGivesTheSameBits(t *testing.T) {
	e := embedder(t, 96)
	for _, text := range golden {
		assert.Equal(t, twin(text, 96), rows(t, e, text)[0], "%q", text)
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`([a-zé]{1,12}|[0-9]{1,4}|the|a|du)([ ,\-./]{0,2}([a-zA-Z]{1,9}|[0-9]{1,3}|of|et)){0,12}`),
			rapid.String(),
		).Draw(rt, "text")
		got, err := e.Embed(t.Context(), embed.Query, []string{text}, nil)
		require.NoError(rt, err)
		require.Equal(rt, twin(text, 96), got[0])
	})
}

func twin(text string, dims int) []float32 {
	features := map[string]int64{}
	words, joined := twinWords(text)
	counts := map[string]int{}
	for _, w := range words {
		counts[w]++
	}
	for w, n := range counts {
		importance := twinImportance(w) * math.Sqrt(float64(n))
		features[w] += twinFixed(importance * 0.7)
		runes := []rune(" " + w + " ")
		var grams []string
		for size := 3; size <= 4; size++ {
			for i := 0; i+size <= len(runes); i++ {
				grams = append(grams, "\x01"+string(runes[i:i+size]))
			}
		}
		for _, g := range grams {
			features[g] += twinFixed(importance / math.Sqrt(float64(len(grams))))
		}
	}
	for i := 1; i < len(words); i++ {
		a, b := words[i-1], words[i]
		share := 0.5
		if !joined[i] || twinNumber(a) == twinNumber(b) {
			share = 0.3 * math.Sqrt(twinImportance(a)*twinImportance(b))
		}
		features["\x02"+a+b] += twinFixed(share)
	}
	sums := make([]int64, dims)
	for f, weight := range features {
		h := fnv.New64a()
		h.Write([]byte(f))
		x := h.Sum64()
		x = (x ^ x>>33) * 0xff51afd7ed558ccd
		x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
		x ^= x >> 33
		if x&1 == 0 {
			weight = -weight
		}
		sums[1+int((x>>32)*uint64(dims-1)>>32)] += weight
	}
	return twinUnit(sums)
}

func twinUnit(sums []int64) []float32 {
	row, square := make([]float32, len(sums)), 0.0
	for _, x := range sums {
		square += float64(float64(x) * float64(x))
	}
	if square == 0 {
		row[0] = 1
		return row
	}
	for i, x := range sums {
		row[i] = float32(float64(x) * (1 / math.Sqrt(square)))
	}
	return row
}

func twinFixed(weight float64) int64 { return int64(math.Round(weight * (1 << 20))) }

func twinNumber(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return unicode.IsNumber(r)
}

func twinImportance(word string) float64 {
	if twinNumber(word) {
		return 0.7
	}
	if lexical.FunctionWord(word) {
		return 0.1
	}
	return 1
}

var (
	twinWord = regexp.MustCompile(`[\pL\pM]+|\pN+`)
	twinSkip = regexp.MustCompile(`[\x{300}-\x{36f}\p{Cf}]`)
)

// twinWords returns the words of a text and whether each is joined to the one before.
func twinWords(text string) (words []string, joined []bool) {
	text = norm.NFKD.String(cases.Fold().String(norm.NFKC.String(string([]rune(text)))))
	text = twinSkip.ReplaceAllString(text, "")
	end := 0
	for _, at := range twinWord.FindAllStringIndex(text, -1) {
		between := text[end:at[0]]
		words = append(words, text[at[0]:at[1]])
		joined = append(joined, len(words) > 1 && slices.Contains([]string{"", "-", ".", "/", "\u2010", "\u2011"}, between))
		end = at[1]
	}
	return words, joined
}

// Quality on the public sets, beside what the package comment prints. The folder holds sts/stsb-dev.tsv, naics/
// and esco/.
var data = flag.String("beir.data", "", "folder of the test sets; without it the quality test is skipped")

func TestQuality(t *testing.T) {
	if *data == "" {
		t.Skip("SKIP: no -beir.data folder")
	}
	e := embedder(t, 0)
	rho := spearman(t, e)
	t.Logf("STS-B dev: Spearman %.4f", rho)
	assert.InDelta(t, 0.749, rho, 0.001)
	for _, want := range []struct {
		set       string
		all, hard float64
	}{{"naics", 0.524, 0.254}, {"esco", 0.529, 0.139}} {
		got := retrieval(t, e, want.set)
		t.Logf("%s, held-out queries: %+v", want.set, got)
		assert.InDelta(t, want.all, got.All.NDCG10, 0.001, want.set)
		assert.InDelta(t, want.hard, got.Hard.NDCG10, 0.001, want.set)
	}
}

func spearman(t *testing.T, e embed.Embedder) float64 {
	pairs, err := beir.ReadSTS(filepath.Join(*data, "sts", "stsb-dev.tsv"))
	require.NoError(t, err)
	var want, got []float64
	for _, p := range pairs {
		r := rows(t, e, p.A, p.B)
		want, got = append(want, p.Score), append(got, dot(r[0], r[1]))
	}
	return beir.Spearman(want, got)
}

// retrieval ranks all documents for the held-out queries.
func retrieval(t *testing.T, e embed.Embedder, name string) beir.Result {
	set, err := beir.Read(filepath.Join(*data, name))
	require.NoError(t, err)
	_, held := set.Split()
	texts := make([]string, len(held.Documents))
	for i, d := range held.Documents {
		texts[i] = d.Content()
	}
	documents := rows(t, e, texts...)
	hits := make([]beir.Hit, len(documents))
	return beir.Evaluate(held, func(q beir.Query) []string {
		query := rows(t, e, q.Text)[0]
		for i, d := range documents {
			hits[i] = beir.Hit{ID: held.Documents[i].ID, Score: dot(query, d)}
		}
		return beir.IDs(beir.Top(hits, 10))
	})
}

func FuzzEmbed(f *testing.F) {
	for _, text := range golden {
		f.Add(text)
	}
	e, err := lexical.New(&lexical.Options{Dims: lexical.MinDims})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		row := rows(t, e, text)[0]
		assert.InDelta(t, 1, dot(row, row), 1e-5)
		assert.Equal(t, row, rows(t, e, text)[0])
	})
}

func BenchmarkEmbed(b *testing.B) {
	e, err := lexical.New(nil)
	require.NoError(b, err)
	texts := []string{"retired toolmaker offers two days a week of press brake and die setting work"}
	var kept [][]float32
	b.ReportAllocs()
	for b.Loop() {
		kept, _ = e.Embed(b.Context(), embed.Document, texts, kept)
	}
}

func embedder(t testing.TB, dims int) *lexical.Embedder {
	t.Helper()
	e, err := lexical.New(&lexical.Options{Dims: dims})
	require.NoError(t, err)
	return e
}

func rows(t testing.TB, e embed.Embedder, texts ...string) [][]float32 {
	t.Helper()
	got, err := e.Embed(t.Context(), embed.Document, texts, nil)
	require.NoError(t, err)
	return got
}

// dot sums in four lanes, which is four times faster than one; the quality test needs some 10⁷ of them.
func dot(a, b []float32) float64 {
	b = b[:len(a)]
	var s [4]float32
	for i := 0; i+3 < len(a); i += 4 {
		s[0] += a[i] * b[i]
		s[1] += a[i+1] * b[i+1]
		s[2] += a[i+2] * b[i+2]
		s[3] += a[i+3] * b[i+3]
	}
	return float64(s[0]) + float64(s[1]) + float64(s[2]) + float64(s[3])
}
