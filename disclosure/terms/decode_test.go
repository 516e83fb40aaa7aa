package terms_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/disclosure/terms"
)

// changes returns a document for every way to change one thing in d.
func changes(d terms.Document) map[string]terms.Document {
	out := map[string]terms.Document{}
	change := func(what string, f func(*terms.Document)) {
		c := d
		c.Clauses, c.Params = slices.Clone(d.Clauses), maps.Clone(d.Params)
		f(&c)
		out[what] = c
	}
	change("template", func(c *terms.Document) { c.Template += "x" })
	change("version", func(c *terms.Document) { c.Version += "x" })
	change("title", func(c *terms.Document) { c.Title += "x" })
	change("no clauses", func(c *terms.Document) { c.Clauses = nil })
	change("no params", func(c *terms.Document) { c.Params = nil })
	change("one more clause", func(c *terms.Document) { c.Clauses = append(c.Clauses, terms.Clause{ID: "x", Title: "X", Text: "x"}) })
	change("one more param", func(c *terms.Document) { c.Params["x"] = "x" })
	for i, clause := range d.Clauses {
		change("without clause "+clause.ID, func(c *terms.Document) { c.Clauses = slices.Delete(c.Clauses, i, i+1) })
		change("id of clause "+clause.ID, func(c *terms.Document) { c.Clauses[i].ID += "x" })
		change("title of clause "+clause.ID, func(c *terms.Document) { c.Clauses[i].Title += "x" })
		change("text of clause "+clause.ID, func(c *terms.Document) { c.Clauses[i].Text += "x" })
		change("border in clause "+clause.ID, func(c *terms.Document) {
			c.Clauses[i].Title, c.Clauses[i].Text = clause.Title+clause.Text[:1], clause.Text[1:]
		})
		if i > 0 {
			change("order of clause "+clause.ID, func(c *terms.Document) { c.Clauses[i-1], c.Clauses[i] = c.Clauses[i], c.Clauses[i-1] })
		}
	}
	for name, v := range d.Params {
		change("without param "+name, func(c *terms.Document) { delete(c.Params, name) })
		change("value of param "+name, func(c *terms.Document) { c.Params[name] = v + "x" })
		change("name of param "+name, func(c *terms.Document) { delete(c.Params, name); c.Params[name+"x"] = v })
	}
	return out
}

func TestEveryChangeChangesTheDigest(t *testing.T) {
	for _, tmpl := range terms.Standard() {
		d := fill(t, tmpl, eightWeeks())
		seen := map[[32]byte]string{d.Digest(): "the document"}
		for what, c := range changes(d) {
			digest := c.Digest()
			assert.Empty(t, seen[digest], "%s: %s", tmpl.ID, what)
			seen[digest] = what
		}
	}
}

// The nonce alone makes another digest, so prices cannot be tried against it.
func TestNonceBlindsTheDigest(t *testing.T) {
	for _, tmpl := range terms.Standard() {
		plain := fill(t, tmpl, fiftyHours())
		a, b := fiftyHours(), fiftyHours()
		a["nonce"], b["nonce"] = strings.Repeat("0f", 16), strings.Repeat("0e", 16)
		da, db := fill(t, tmpl, a), fill(t, tmpl, b)
		assert.Equal(t, append(clauseIDs(plain), "nonce"), clauseIDs(da), tmpl.ID)
		assert.NotEqual(t, plain.Digest(), da.Digest())
		assert.NotEqual(t, da.Digest(), db.Digest())
	}
}

func TestDifferentTermsHaveDifferentDigests(t *testing.T) {
	seen := map[[32]byte]bool{}
	for _, tmpl := range terms.Standard() {
		for _, params := range []map[string]string{fiftyHours(), eightWeeks()} {
			digest := fill(t, tmpl, params).Digest()
			assert.False(t, seen[digest])
			seen[digest] = true
		}
	}
}

// referenceEncode is the layout of the package comment, written again.
func referenceEncode(d terms.Document) []byte {
	var b bytes.Buffer
	num := func(n int) { _ = binary.Write(&b, binary.BigEndian, uint32(n)) }
	str := func(ss ...string) {
		for _, s := range ss {
			num(len(s))
			b.WriteString(s)
		}
	}
	b.WriteString("csss-terms-1\n")
	str(d.Template, d.Version, d.Title)
	num(len(d.Clauses))
	for _, c := range d.Clauses {
		str(c.ID, c.Title, c.Text)
	}
	num(len(d.Params))
	for _, name := range slices.Sorted(maps.Keys(d.Params)) {
		str(name, d.Params[name])
	}
	return b.Bytes()
}

func TestEncodingIsTheDocumentedLayout(t *testing.T) {
	d := fill(t, standard("guidance-v1"), eightWeeks())
	assert.Equal(t, referenceEncode(d), d.Encode())
	assert.Equal(t, sha256.Sum256(append([]byte("csss/disclosure/terms/v1\x00"), referenceEncode(d)...)), d.Digest())
}

func TestDecodeReturnsWhatWasEncoded(t *testing.T) {
	for _, tmpl := range terms.Standard() {
		for _, params := range []map[string]string{fiftyHours(), eightWeeks()} {
			d := fill(t, tmpl, params)
			got, err := terms.Decode(d.Encode())
			require.NoError(t, err)
			assert.Equal(t, d, got)
		}
	}
}

func TestDecodeSharesNoMemory(t *testing.T) {
	d := fill(t, standard("consult-v1"), eightWeeks())
	b := d.Encode()
	got, err := terms.Decode(b)
	require.NoError(t, err)
	clear(b)
	assert.Equal(t, d, got)
}

func TestJSONKeepsTheDigest(t *testing.T) {
	d := fill(t, standard("capacity-v1"), eightWeeks())
	b, err := json.Marshal(d)
	require.NoError(t, err)
	var got terms.Document
	require.NoError(t, json.Unmarshal(b, &got))
	assert.Equal(t, d.Digest(), got.Digest())
}

func decodeError(t *testing.T, b []byte) *terms.DecodeError {
	t.Helper()
	d, err := terms.Decode(b)
	e, ok := errors.AsType[*terms.DecodeError](err)
	require.True(t, ok, "%v", err)
	assert.Zero(t, d)
	return e
}

func TestDecodeRefusesEveryPrefixAndSuffix(t *testing.T) {
	b := fill(t, standard("consult-v1"), eightWeeks()).Encode()
	for n := range b {
		decodeError(t, b[:n])
	}
	assert.Equal(t, "encoding", decodeError(t, append(slices.Clone(b), 0)).Field)
	assert.Equal(t, "encoding", decodeError(t, nil).Field)
}

func TestDecodeRefusesMoreThanMaxBytes(t *testing.T) {
	d := terms.Document{Template: "t-v1", Version: "1", Title: "T"}
	for i := range 9 {
		d.Clauses = append(d.Clauses, terms.Clause{ID: fmt.Sprintf("c%d", i), Title: "C", Text: strings.Repeat("x", 7000)})
	}
	for i := range d.Clauses { // pad each clause within its own limit
		d.Clauses[i].Text += strings.Repeat("x", min(1000, terms.MaxBytes-len(d.Encode())))
	}
	require.Len(t, d.Encode(), terms.MaxBytes)
	_, err := terms.Decode(d.Encode())
	require.NoError(t, err)

	d.Clauses[0].Text += "x"
	e := decodeError(t, d.Encode())
	assert.Equal(t, "encoding", e.Field)
	assert.Contains(t, e.Want, "65536")
}

func TestDecodeRefusesFieldsBeyondTheLimits(t *testing.T) {
	cases := []struct {
		field  string
		change func(*terms.Document)
	}{
		{"template", func(d *terms.Document) { d.Template = "" }},
		{"template", func(d *terms.Document) { d.Template = "Steelcrest" }},
		{"template", func(d *terms.Document) { d.Template = strings.Repeat("x", 65) }},
		{"version", func(d *terms.Document) { d.Version = " 1" }},
		{"version", func(d *terms.Document) { d.Version = strings.Repeat("x", 33) }},
		{"title", func(d *terms.Document) { d.Title = "a\nb" }},
		{"title", func(d *terms.Document) { d.Title = strings.Repeat("x", 201) }},
		{"clauses", func(d *terms.Document) { d.Clauses = nil }},
		{"clauses", func(d *terms.Document) { d.Clauses = make([]terms.Clause, 65) }},
		{"clauses[1].id", func(d *terms.Document) { d.Clauses[1].ID = d.Clauses[0].ID }},
		{"clauses[1].id", func(d *terms.Document) { d.Clauses[1].ID = "a b" }},
		{"clauses[1].title", func(d *terms.Document) { d.Clauses[1].Title = "" }},
		{"clauses[1].text", func(d *terms.Document) { d.Clauses[1].Text = "a\x00" }},
		{"clauses[1].text", func(d *terms.Document) { d.Clauses[1].Text = "a\xff" }},
		{"clauses[1].text", func(d *terms.Document) { d.Clauses[1].Text = strings.Repeat("x", 8193) }},
		{"params", func(d *terms.Document) { d.Params["Steelcrest"] = "x" }},
		{"params[0].name", func(d *terms.Document) { d.Params[""] = "x" }},
		{"params.hours", func(d *terms.Document) { d.Params["hours"] = "" }},
		{"params.hours", func(d *terms.Document) { d.Params["hours"] = "50\th" }},
		{"params[2].value", func(d *terms.Document) { d.Params["hours"] = strings.Repeat("x", 201) }},
		{"params", func(d *terms.Document) {
			for i := range 65 {
				d.Params[fmt.Sprintf("p%d", i)] = "x"
			}
		}},
	}
	for _, c := range cases {
		d := fill(t, standard("consult-v1"), eightWeeks())
		c.change(&d)
		e := decodeError(t, d.Encode())
		assert.Equal(t, c.field, e.Field, e.Error())
		assert.NotContains(t, e.Error(), "Steelcrest")
	}
}

func TestDecodeRefusesAnotherOrderOfParameters(t *testing.T) {
	d := fill(t, standard("consult-v1"), fiftyHours())
	b := d.Encode()
	d.Params = nil
	head := bytes.TrimSuffix(d.Encode(), []byte{0, 0, 0, 0})
	require.True(t, bytes.HasPrefix(b, head))
	with := func(pairs ...string) []byte {
		out := binary.BigEndian.AppendUint32(slices.Clone(head), uint32(len(pairs)/2))
		for _, s := range pairs {
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(s))), s...)
		}
		return out
	}
	_, err := terms.Decode(with("a", "1", "b", "2"))
	require.NoError(t, err)
	assert.Equal(t, "params[1].name", decodeError(t, with("b", "2", "a", "1")).Field)
	assert.Equal(t, "params[1].name", decodeError(t, with("a", "1", "a", "1")).Field)
}

func TestDecodeBelievesNoLengthWithoutItsBytes(t *testing.T) {
	lying := append([]byte("csss-terms-1\n"), 0xff, 0xff, 0xff, 0xff)
	assert.Equal(t, "template", decodeError(t, lying).Field)

	d := terms.Document{Template: "t", Version: "1", Title: "T"}
	b := d.Encode()
	binary.BigEndian.PutUint32(b[len(b)-8:], terms.MaxClauses)
	assert.Equal(t, "clauses[0].id", decodeError(t, b[:len(b)-4]).Field)
}

// Encode is injective also on documents that Decode would refuse.
func TestEqualEncodingsAreEqualDocuments(t *testing.T) {
	s := rapid.SampledFrom([]string{"", "a", "aa", "\x00", "\x00\x00\x00\x01", "\xff"})
	clause := rapid.Custom(func(t *rapid.T) terms.Clause {
		return terms.Clause{ID: s.Draw(t, "id"), Title: s.Draw(t, "title"), Text: s.Draw(t, "text")}
	})
	document := rapid.Custom(func(t *rapid.T) terms.Document {
		return terms.Document{
			Template: s.Draw(t, "template"), Version: s.Draw(t, "version"), Title: s.Draw(t, "title"),
			Clauses: rapid.SliceOfN(clause, 0, 2).Draw(t, "clauses"), Params: rapid.MapOfN(s, s, 0, 2).Draw(t, "params"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := document.Draw(t, "a"), document.Draw(t, "b")
		same := a.Template == b.Template && a.Version == b.Version && a.Title == b.Title &&
			slices.Equal(a.Clauses, b.Clauses) && maps.Equal(a.Params, b.Params)
		require.Equal(t, same, bytes.Equal(a.Encode(), b.Encode()))
		require.Equal(t, same, a.Digest() == b.Digest())
	})
}

func FuzzDecode(f *testing.F) {
	for _, tmpl := range terms.Standard() {
		for _, params := range []map[string]string{fiftyHours(), eightWeeks()} {
			b := fill(f, tmpl, params).Encode()
			f.Add(b)
			f.Add(b[:len(b)/2])
		}
	}
	small := terms.Document{Template: "t-v1", Version: "1", Title: "T", Clauses: []terms.Clause{{ID: "c", Title: "C", Text: "x"}}}
	f.Add(small.Encode())
	small.Params = map[string]string{"a": "1", "b": "2"}
	f.Add(small.Encode())
	f.Add([]byte("csss-terms-1\n\xff\xff\xff\xff"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := terms.Decode(b)
		if err != nil {
			if _, ok := errors.AsType[*terms.DecodeError](err); !ok {
				t.Fatalf("error of type %T", err)
			}
			return
		}
		if !bytes.Equal(d.Encode(), b) {
			t.Fatal("two encodings of one document")
		}
	})
}
