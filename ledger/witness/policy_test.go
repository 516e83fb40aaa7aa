package witness_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger/witness"
)

// crowd is a log of twelve entries and the witnesses of its checkpoint.
type crowd struct {
	log  *tree
	keys []string
	line []string // of each, under the log's checkpoint
}

func newCrowd(t testing.TB, n int) crowd {
	c := crowd{log: newTree(t, "example.org/log", 12)}
	for i := range n {
		skey, vkey, err := witness.GenerateKey(fmt.Sprintf("w%d.example", i))
		require.NoError(t, err)
		s, err := witness.NewServer(skey, witness.NewMemoryStore(), c.log.vkey)
		require.NoError(t, err)
		c.keys = append(c.keys, vkey)
		c.line = append(c.line, post(t, s, body(0, nil, c.log.at(t, 12))).Body.String())
	}
	return c
}

// by is the checkpoint with the cosignatures of some witnesses.
func (c crowd) by(t testing.TB, who ...int) []byte {
	out := c.log.at(t, 12)
	for _, i := range who {
		out = join(out, c.line[i])
	}
	return out
}

// The example of c2sp.org/tlog-policy.
func TestPolicyOfTheSpecification(t *testing.T) {
	c := newCrowd(t, 6)
	text := fmt.Sprintf(`log %s

	# two organisations
witness X1 %s
witness X2 %s https://x2.example/witness
witness X3 %s
group X-witnesses 2 X1 X2 X3

witness Y1 %s
witness Y2 %s
witness Y3 %s
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`, c.log.vkey, c.keys[0], c.keys[1], c.keys[2], c.keys[3], c.keys[4], c.keys[5])
	p, err := witness.ParsePolicy([]byte(text))
	require.NoError(t, err)
	base := c.log.at(t, 12)
	for set := range 1 << 6 {
		signed, x, y := bytes.Clone(base), 0, 0
		for i := range 6 {
			if set&(1<<i) == 0 {
				continue
			}
			signed = join(signed, c.line[i])
			if i < 3 {
				x++
			} else {
				y++
			}
		}
		err := p.Check(signed)
		if x >= 2 && y >= 1 {
			require.NoError(t, err, "set %b", set)
			continue
		}
		var missing *witness.QuorumError
		require.ErrorAs(t, err, &missing, "set %b", set)
		require.ErrorIs(t, err, witness.ErrQuorum)
		require.Len(t, missing.Have, x+y)
		require.Len(t, missing.Missing, 6-x-y)
	}
	assert.Equal(t, []string{c.log.vkey}, p.Logs())
	require.Len(t, p.Witnesses(), 6)
	assert.Equal(t, witness.Witness{Name: "X2", VerifierKey: c.keys[1], URL: "https://x2.example/witness"}, p.Witnesses()[1])
	clients, err := p.Clients(http.DefaultClient)
	require.NoError(t, err)
	require.Len(t, clients, 1)
	assert.Equal(t, "w1.example", clients[0].Name())
	assert.Equal(t, c.keys[1], clients[0].VerifierKey())
}

func TestPolicyChecksTheLog(t *testing.T) {
	c := newCrowd(t, 1)
	other := newTree(t, "example.org/other", 12)
	p, err := witness.ParsePolicy([]byte("log " + c.log.vkey + "\nlog " + other.vkey + "\nwitness w " + c.keys[0] + "\nquorum none\n"))
	require.NoError(t, err)
	require.NoError(t, p.Check(c.log.at(t, 12)))
	require.NoError(t, p.Check(other.at(t, 12)))
	stranger := newTree(t, "example.org/log", 12)
	for what, signed := range map[string][]byte{
		"no checkpoint":            []byte("x"),
		"another key":              stranger.at(t, 12),
		"key of another log":       other.sign(t, c.log.text(t, 12)),
		"damaged":                  bytes.Replace(c.log.at(t, 12), []byte("\n12\n"), []byte("\n13\n"), 1),
		"not canonical":            c.log.sign(t, strings.Replace(c.log.text(t, 12), "\n12\n", "\n012\n", 1)),
		"a witness is not the log": join([]byte(strings.SplitAfter(string(c.log.at(t, 12)), "\n\n")[0]), c.line[0]),
	} {
		assert.ErrorIs(t, p.Check(signed), witness.ErrCheckpoint, what)
	}
	// Without log lines the log is not looked at.
	any, err := witness.AtLeast(0)
	require.NoError(t, err)
	require.NoError(t, any.Check(stranger.at(t, 12)))
	require.ErrorIs(t, any.Check([]byte("x")), witness.ErrCheckpoint)
}

func TestAtLeast(t *testing.T) {
	c := newCrowd(t, 3)
	for n := range 4 {
		p, err := witness.AtLeast(n, c.keys...)
		require.NoError(t, err)
		for have, signed := range [][]byte{c.by(t), c.by(t, 0), c.by(t, 0, 2), c.by(t, 0, 1, 2)} {
			assert.Equal(t, have >= n, p.Check(signed) == nil, "%d of %d", have, n)
		}
	}
	for _, n := range []int{-1, 4} {
		_, err := witness.AtLeast(n, c.keys...)
		assert.ErrorIs(t, err, witness.ErrPolicy)
	}
	_, err := witness.AtLeast(1, "no key")
	assert.ErrorIs(t, err, witness.ErrKey)
	_, err = witness.AtLeast(2, c.keys[0], c.keys[0])
	assert.ErrorIs(t, err, witness.ErrPolicy, "one witness counts once")
}

func TestPolicyRefusals(t *testing.T) {
	c := newCrowd(t, 3)
	w := func(name string, i int) string { return "witness " + name + " " + c.keys[i] + "\n" }
	three := w("a", 0) + w("b", 1) + w("c", 2)
	for what, text := range map[string]string{
		"empty":                    "",
		"no quorum":                three,
		"two quorums":              three + "quorum a\nquorum a\n",
		"quorum of nobody":         three + "quorum d\n",
		"quorum of two":            three + "quorum a b\n",
		"quorum before":            "quorum a\n" + three,
		"none as a member":         three + "group g any none\nquorum g\n",
		"none as a name":           "witness none " + c.keys[0] + "\nquorum none\n",
		"name twice":               w("a", 0) + w("a", 1) + "quorum a\n",
		"group takes a name":       three + "group a any b\nquorum a\n",
		"key twice":                w("a", 0) + w("b", 0) + "quorum a\n",
		"log twice":                "log " + c.log.vkey + "\nlog " + c.log.vkey + "\nquorum none\n",
		"member twice":             three + "group g 2 a a\nquorum g\n",
		"member of two groups":     three + "group g any a\ngroup h any a\nquorum g\n",
		"member of itself":         three + "group g any g\nquorum g\n",
		"unknown member":           three + "group g any d\nquorum g\n",
		"no members":               three + "group g any\nquorum g\n",
		"threshold 0":              three + "group g 0 a b\nquorum g\n",
		"threshold 3 of 2":         three + "group g 3 a b\nquorum g\n",
		"threshold -1":             three + "group g -1 a b\nquorum g\n",
		"threshold 01":             three + "group g 01 a b\nquorum g\n",
		"threshold some":           three + "group g some a b\nquorum g\n",
		"unknown keyword":          "wotness a\nquorum none\n",
		"no key":                   "witness a\nquorum none\n",
		"too many fields":          "witness a " + c.keys[0] + " http://x y\nquorum none\n",
		"bad key":                  "witness a b\nquorum none\n",
		"bad log":                  "log b\nquorum none\n",
		"log without key":          "log\nquorum none\n",
		"log with more":            "log " + c.log.vkey + " http://x y\nquorum none\n",
		"comment behind":           three + "quorum a # all\n",
		"carriage return":          "quorum none\r\n",
		"other space":              "quorum\u00a0none\n",
		"vertical tab":             "quorum\vnone\n",
		"too large":                strings.Repeat("#", 70_000) + "\nquorum none\n",
		"damaged hash of the key":  "witness a " + strings.Replace(c.keys[0], "+0", "+1", 1) + "x\nquorum none\n",
		"private key of a witness": "witness a PRIVATE+KEY+x+00000000+AA\nquorum none\n",
	} {
		_, err := witness.ParsePolicy([]byte(text))
		assert.ErrorIs(t, err, witness.ErrPolicy, what)
	}
	for _, text := range []string{"quorum none", " \tquorum\t none \t\n\n  # comment\n", three + "quorum b", "# \xff\xfe\nquorum none\n"} {
		_, err := witness.ParsePolicy([]byte(text))
		assert.NoError(t, err, text)
	}
}

func TestCosignatures(t *testing.T) {
	c := newCrowd(t, 3)
	signed := c.by(t, 0, 2)
	got, err := witness.Cosignatures(signed, c.keys...)
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, []string{"w0.example", "w2.example"}, []string{got[0].Name, got[1].Name})
	assert.WithinDuration(t, time.Now(), got[0].Time, 3*time.Second)
	got, err = witness.Cosignatures(signed, c.keys[1])
	require.NoError(t, err)
	assert.Empty(t, got)
	_, err = witness.Cosignatures(signed, "no key")
	assert.ErrorIs(t, err, witness.ErrKey)
	_, err = witness.Cosignatures([]byte("x"), c.keys[1])
	assert.ErrorIs(t, err, witness.ErrCheckpoint)
	moved := bytes.Replace(signed, []byte("\n12\n"), []byte("\n11\n"), 1)
	_, err = witness.Cosignatures(moved, c.keys[0])
	assert.ErrorIs(t, err, witness.ErrCheckpoint)
}

func FuzzParsePolicy(f *testing.F) {
	c := newCrowd(f, 2)
	f.Add([]byte("log " + c.log.vkey + " http://x\nwitness a " + c.keys[0] + "\nwitness b " + c.keys[1] + " u\ngroup g 1 a b\nquorum g\n"))
	f.Add([]byte("quorum none\n"))
	f.Add([]byte("group g any g\n#\n"))
	signed := c.by(f, 0, 1)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := witness.ParsePolicy(text)
		if err != nil {
			require.ErrorIs(t, err, witness.ErrPolicy)
			return
		}
		_ = p.Check(signed)
		require.ErrorIs(t, p.Check(text), witness.ErrCheckpoint)
	})
}

func FuzzCheck(f *testing.F) {
	c := newCrowd(f, 2)
	signed := c.by(f, 0, 1)
	p, err := witness.AtLeast(2, c.keys...)
	require.NoError(f, err)
	f.Add(signed)
	f.Add(c.log.at(f, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p.Check(b) == nil { // nobody but the witnesses signs this text
			require.True(t, bytes.HasPrefix(b, []byte(c.log.text(t, 12)+"\n")))
		}
	})
}
