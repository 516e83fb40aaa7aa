package sdjwt_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/disclosure/sdjwt"
)

// salts is a source that repeats itself from run to run.
func salts(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

func seededKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

// payload is what the signed token shows.
func payload(t testing.TB, s *sdjwt.SDJWT) map[string]any {
	var claims map[string]any
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(s.Compact(), ".")[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &claims))
	return claims
}

func paths(t testing.TB, s *sdjwt.SDJWT) []string {
	disclosures, err := s.Disclosures()
	require.NoError(t, err)
	var paths []string
	for _, d := range disclosures {
		paths = append(paths, d.Path())
	}
	slices.Sort(paths)
	return paths
}

func TestShapesOfDisclosures(t *testing.T) {
	const claims = `{"address": {"city": "Halle", "zip": "06108"}, "skills": ["welding", "turning"], "size": 1.50, "none": null}`
	for _, shape := range []struct {
		name        string
		disclosable []string
		bare        string // with nothing disclosed
	}{
		{"nothing", nil, claims},
		{"flat", []string{"/address"}, `{"skills": ["welding", "turning"], "size": 1.50, "none": null}`},
		{"structured", []string{"/address/city"}, `{"address": {"zip": "06108"}, "skills": ["welding", "turning"], "size": 1.50, "none": null}`},
		{"recursive", []string{"/address", "/address/city", "/address/zip"}, `{"skills": ["welding", "turning"], "size": 1.50, "none": null}`},
		{"elements", []string{"/skills/*"}, `{"address": {"city": "Halle", "zip": "06108"}, "skills": [], "size": 1.50, "none": null}`},
		{"one element", []string{"/skills/0"}, `{"address": {"city": "Halle", "zip": "06108"}, "skills": ["turning"], "size": 1.50, "none": null}`},
		{"all", []string{"/address", "/address/city", "/address/zip", "/skills", "/skills/*", "/size", "/none"}, `{}`},
	} {
		t.Run(shape.name, func(t *testing.T) {
			signer := newKey(t)
			s, err := sdjwt.Issue(json.RawMessage(claims), signer, &sdjwt.IssueOptions{Disclosable: shape.disclosable})
			require.NoError(t, err)
			all, err := s.Verify(signer.Public(), nil)
			require.NoError(t, err)
			assert.JSONEq(t, claims, asJSON(t, all))

			bare, err := s.Present()
			require.NoError(t, err)
			some, err := bare.Verify(signer.Public(), nil)
			require.NoError(t, err)
			assert.JSONEq(t, shape.bare, asJSON(t, some))
			assert.Equal(t, s.Digest(), bare.Digest())
		})
	}
}

func TestPresentBringsWhatAClaimLiesIn(t *testing.T) {
	s, err := sdjwt.Issue(map[string]any{"a": map[string]any{"b": []int{1, 2}}, "ab": 3}, newKey(t),
		&sdjwt.IssueOptions{Disclosable: []string{"/a", "/a/b", "/a/b/*", "/ab"}})
	require.NoError(t, err)
	inner, err := s.Present("/a/b/1")
	require.NoError(t, err)
	assert.Equal(t, []string{"/a", "/a/b", "/a/b/1"}, paths(t, inner))
	outer, err := s.Present("/a")
	require.NoError(t, err)
	assert.Equal(t, []string{"/a"}, paths(t, outer))
	_, err = outer.Present("/a/b")
	assert.ErrorIs(t, err, sdjwt.ErrPath, "has been left out")
}

func TestNamesInPathsAreEscaped(t *testing.T) {
	for _, name := range []string{"", "/", "~", "~1", "*", "a b", `"`, "\u2028", "ü"} {
		s, err := sdjwt.Issue(map[string]any{name: 1, "other": 2}, newKey(t), &sdjwt.IssueOptions{Disclosable: []string{sdjwt.Path(name)}})
		require.NoError(t, err, "%q", name)
		assert.Equal(t, []string{sdjwt.Path(name)}, paths(t, s))
	}
}

func TestDecoysHideHowManyClaimsThereAre(t *testing.T) {
	for claims := range 5 {
		fields, list := map[string]any{}, []int{}
		for i := range claims {
			fields[strconv.Itoa(i)] = i
			list = append(list, i)
		}
		all := map[string]any{"fields": fields, "list": list}
		o := &sdjwt.IssueOptions{Pad: map[string]int{"/fields": 4, "/list": 4}}
		for i := range claims {
			o.Disclosable = append(o.Disclosable, sdjwt.Path("fields", strconv.Itoa(i)))
		}
		if claims > 0 {
			o.Disclosable = append(o.Disclosable, "/list/*")
		}
		signer := newKey(t)
		s, err := sdjwt.Issue(all, signer, o)
		require.NoError(t, err)
		shown := payload(t, s)
		digests := shown["fields"].(map[string]any)["_sd"].([]any)
		assert.Len(t, digests, 4)
		assert.True(t, slices.IsSortedFunc(digests, func(a, b any) int { return strings.Compare(a.(string), b.(string)) }))
		assert.Len(t, shown["list"], 4)
		got, err := s.Verify(signer.Public(), nil)
		require.NoError(t, err)
		assert.JSONEq(t, asJSON(t, all), asJSON(t, got), "the order of a list is kept")
	}
}

func TestIssuingIsDeterministicWithSaltsAndEd25519(t *testing.T) {
	issue := func(claims string) string {
		s, err := sdjwt.Issue(json.RawMessage(claims), seededKey(1), &sdjwt.IssueOptions{Disclosable: []string{"/b", "/c/*"}, Salts: salts(1), Pad: map[string]int{"/c": 5}})
		require.NoError(t, err)
		return s.Compact()
	}
	assert.Equal(t, issue(`{"a":1,"b":"x","c":[1,2]}`), issue("{\"c\": [1, 2],\n\"b\": \"\\u0078\", \"a\": 1}"))
}

func TestIssueRefuses(t *testing.T) {
	signer := newKey(t)
	for name, test := range map[string]struct {
		claims any
		o      sdjwt.IssueOptions
		want   error
	}{
		"no object":               {[]int{1}, sdjwt.IssueOptions{}, sdjwt.ErrClaims},
		"no JSON":                 {map[string]any{"a": math.NaN()}, sdjwt.IssueOptions{}, sdjwt.ErrClaims},
		"name of digests":         {map[string]any{"a": map[string]any{"_sd": 1}}, sdjwt.IssueOptions{}, sdjwt.ErrClaims},
		"name of elements":        {map[string]any{"a": []any{map[string]any{"...": 1}}}, sdjwt.IssueOptions{}, sdjwt.ErrClaims},
		"name of the hash":        {map[string]any{"_sd_alg": "md5"}, sdjwt.IssueOptions{}, sdjwt.ErrClaims},
		"name twice":              {json.RawMessage(`{"a":1,"a":2}`), sdjwt.IssueOptions{}, sdjwt.ErrMalformed},
		"two holders":             {map[string]any{"cnf": 1}, sdjwt.IssueOptions{Holder: signer.Public()}, sdjwt.ErrClaims},
		"no such claim":           {map[string]any{"a": 1}, sdjwt.IssueOptions{Disclosable: []string{"/b"}}, sdjwt.ErrPath},
		"no such element":         {map[string]any{"a": []int{}}, sdjwt.IssueOptions{Disclosable: []string{"/a/*"}}, sdjwt.ErrPath},
		"star is for arrays":      {map[string]any{"a": map[string]any{"b": 1}}, sdjwt.IssueOptions{Disclosable: []string{"/a/*"}}, sdjwt.ErrPath},
		"expiry always shows":     {map[string]any{"exp": 1}, sdjwt.IssueOptions{Disclosable: []string{"/exp"}}, sdjwt.ErrPath},
		"audiences always show":   {map[string]any{"aud": []string{"a"}}, sdjwt.IssueOptions{Disclosable: []string{"/aud/*"}}, sdjwt.ErrPath},
		"the key always shows":    {map[string]any{"a": 1}, sdjwt.IssueOptions{Holder: signer.Public(), Disclosable: []string{"/cnf/jwk"}}, sdjwt.ErrPath},
		"no such place to pad":    {map[string]any{"a": 1}, sdjwt.IssueOptions{Pad: map[string]int{"/a": 4}}, sdjwt.ErrPath},
		"more claims than decoys": {map[string]any{"a": 1, "b": 2}, sdjwt.IssueOptions{Disclosable: []string{"/a", "/b"}, Pad: map[string]int{"": 1}}, sdjwt.ErrLimit},
		"too many digests":        {map[string]any{"a": 1}, sdjwt.IssueOptions{Pad: map[string]int{"": sdjwt.MaxDigests + 1}}, sdjwt.ErrLimit},
		"too large":               {map[string]any{"a": strings.Repeat("a", sdjwt.MaxSize)}, sdjwt.IssueOptions{}, sdjwt.ErrLimit},
		"salts repeat":            {map[string]any{"a": 1, "b": 2}, sdjwt.IssueOptions{Disclosable: []string{"/a", "/b"}, Salts: zeros{}}, sdjwt.ErrOptions},
		"salts end":               {map[string]any{"a": 1}, sdjwt.IssueOptions{Disclosable: []string{"/a"}, Salts: strings.NewReader("short")}, io.ErrUnexpectedEOF},
		"odd holder":              {map[string]any{"a": 1}, sdjwt.IssueOptions{Holder: "key"}, sdjwt.ErrKey},
		"short holder":            {map[string]any{"a": 1}, sdjwt.IssueOptions{Holder: ed25519.PublicKey("short")}, sdjwt.ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sdjwt.Issue(test.claims, signer, &test.o)
			assert.ErrorIs(t, err, test.want)
			assert.Nil(t, s)
		})
	}
	_, err := sdjwt.Issue(map[string]any{"a": 1}, broken{signer}, nil)
	assert.ErrorIs(t, err, errBroken)
	_, err = sdjwt.Issue(map[string]any{"a": 1}, nil, nil)
	assert.ErrorIs(t, err, sdjwt.ErrKey)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

var errBroken = errors.New("no answer from the token")

type broken struct{ crypto.Signer }

func (broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errBroken }

func TestKeyBinding(t *testing.T) {
	issuer := newES256(t)
	for name, holder := range map[string]crypto.Signer{"Ed25519": newKey(t), "P-256": newES256(t)} {
		t.Run(name, func(t *testing.T) {
			s, err := sdjwt.Issue(map[string]any{"a": 1, "b": 2}, issuer, &sdjwt.IssueOptions{Disclosable: []string{"/a", "/b"}, Holder: holder.Public()})
			require.NoError(t, err)
			some, err := s.Present("/a")
			require.NoError(t, err)
			now := time.Unix(1_700_000_000, 0)
			bound, err := some.Bind(holder, "verifier", "nonce", now)
			require.NoError(t, err)
			o := &sdjwt.VerifyOptions{Now: now, RequireKeyBinding: true, Audience: "verifier", Nonce: "nonce"}
			claims, err := sdjwt.Verify(bound.Compact(), issuer.Public(), o)
			require.NoError(t, err)
			assert.EqualValues(t, "1", claims["a"])

			parsed, err := sdjwt.ParseJSON(bound.JSON())
			require.NoError(t, err)
			_, err = parsed.Verify(issuer.Public(), o)
			require.NoError(t, err)

			parts := strings.Split(bound.Compact(), "~")
			_, err = sdjwt.Verify(parts[0]+"~"+parts[2], issuer.Public(), o)
			assert.ErrorIs(t, err, sdjwt.ErrKeyBinding, "a disclosure taken away")
			_, err = sdjwt.Verify(some.Compact(), issuer.Public(), o)
			assert.ErrorIs(t, err, sdjwt.ErrKeyBinding, "no binding")
			_, err = sdjwt.Verify(bound.Compact(), issuer.Public(), &sdjwt.VerifyOptions{RequireKeyBinding: true, Audience: "verifier"})
			assert.ErrorIs(t, err, sdjwt.ErrOptions, "no nonce")
			_, err = some.Bind(newKey(t), "verifier", "nonce", now)
			assert.ErrorIs(t, err, sdjwt.ErrKey, "not the holder")
			_, err = some.Bind(holder, "", "nonce", now)
			assert.ErrorIs(t, err, sdjwt.ErrOptions, "no audience")
		})
	}
}

func TestCountersigned(t *testing.T) {
	firm, exchange := newKey(t), newES256(t)
	s, err := sdjwt.Issue(map[string]any{"a": 1}, firm, &sdjwt.IssueOptions{Disclosable: []string{"/a"}})
	require.NoError(t, err)
	both, err := s.Countersign(exchange, &sdjwt.IssueOptions{KeyID: "exchange"})
	require.NoError(t, err)
	parsed, err := sdjwt.ParseJSON(both.JSON())
	require.NoError(t, err)
	for _, signer := range []crypto.Signer{firm, exchange} {
		claims, err := parsed.Verify(signer.Public(), nil)
		require.NoError(t, err)
		assert.Len(t, claims, 1)
	}
	_, err = parsed.Verify(newKey(t).Public(), nil)
	assert.ErrorIs(t, err, sdjwt.ErrSignature)
	assert.Equal(t, s.Compact(), both.Compact(), "the compact form has the first")
}

// Whatever is presented, the verifier gets the claims without what was withheld.
func TestPresentationsAgreeWithDeletion(t *testing.T) {
	signer := seededKey(1)
	rapid.Check(t, func(t *rapid.T) {
		claims := drawObject(t, 3)
		all := places(claims, "")
		hidden := pick(t, all, "disclosable")
		s, err := sdjwt.Issue(claims, signer, &sdjwt.IssueOptions{Disclosable: hidden, Salts: salts(1)})
		require.NoError(t, err)
		chosen := pick(t, hidden, "presented")
		presented, err := s.Present(chosen...)
		require.NoError(t, err)
		got, err := sdjwt.Verify(presented.Compact(), signer.Public(), nil)
		require.NoError(t, err)

		want, _ := without(claims, "", func(path string) bool {
			return slices.Contains(hidden, path) && !slices.ContainsFunc(chosen, func(c string) bool { return strings.HasPrefix(c+"/", path+"/") })
		})
		wantText, _ := json.Marshal(want)
		gotText, _ := json.Marshal(got)
		require.JSONEq(t, string(wantText), string(gotText))
	})
}

func drawObject(t *rapid.T, depth int) map[string]any {
	object := map[string]any{}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c/d", "~", "0"}), 0, 4, rapid.ID).Draw(t, "names") {
		object[name] = drawValue(t, depth)
	}
	return object
}

func drawValue(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 4).Draw(t, "kind")
	switch {
	case kind == 0 && depth > 0:
		return drawObject(t, depth-1)
	case kind == 1 && depth > 0:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list = append(list, drawValue(t, depth-1))
		}
		return list
	case kind == 2:
		return rapid.String().Draw(t, "text")
	case kind == 3:
		return rapid.Int().Draw(t, "number")
	}
	return nil
}

// places lists the paths of all claims.
func places(v any, path string) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			own := path + sdjwt.Path(name)
			all = append(append(all, own), places(v[name], own)...)
		}
	case []any:
		for i := range v {
			own := path + "/" + strconv.Itoa(i)
			all = append(append(all, own), places(v[i], own)...)
		}
	}
	return all
}

func pick(t *rapid.T, all []string, label string) []string {
	var some []string
	for _, path := range all {
		if rapid.Bool().Draw(t, label) {
			some = append(some, path)
		}
	}
	return some
}

// without is the slow twin: it deletes what is withheld.
func without(v any, path string, withheld func(string) bool) (any, bool) {
	if withheld(path) {
		return nil, false
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			if kept, ok := without(member, path+sdjwt.Path(name), withheld); ok {
				out[name] = kept
			}
		}
		return out, true
	case []any:
		out := []any{}
		for i, element := range v {
			if kept, ok := without(element, path+"/"+strconv.Itoa(i), withheld); ok {
				out = append(out, kept)
			}
		}
		return out, true
	}
	return v, true
}

func TestNothingPrintsItsSecrets(t *testing.T) {
	const canary = "Makino D500"
	s, err := sdjwt.Issue(map[string]any{"model": canary}, newKey(t), &sdjwt.IssueOptions{Disclosable: []string{"/model"}})
	require.NoError(t, err)
	disclosures, err := s.Disclosures()
	require.NoError(t, err)
	secret := encode(canary)[:8] // as it stands in base64, wherever it begins
	for _, v := range []any{s, disclosures[0], disclosures} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("shown", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("shown", "v", v)
		text := fmt.Sprintf("%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v) + asJSON(t, v) + log.String()
		assert.NotContains(t, text, canary)
		assert.NotContains(t, text, secret)
		assert.NotContains(t, text, "WyJ", "the beginning of a disclosure")
		assert.Contains(t, text, "sealed")
	}
}

func TestErrorsTellNoClaim(t *testing.T) {
	const canary = "canary"
	for _, r := range refusals {
		assert.NotContains(t, r.forge(newForger(t)).Error(), "price", "%s", r.check)
	}
	_, err := sdjwt.Issue(map[string]any{canary: map[string]any{"_sd": 1}}, newKey(t), nil)
	assert.NotContains(t, err.Error(), canary)
	_, err = sdjwt.Issue(map[string]any{"a": 1}, newKey(t), &sdjwt.IssueOptions{Disclosable: []string{"/" + canary}})
	assert.NotContains(t, err.Error(), canary)
}
