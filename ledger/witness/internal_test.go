package witness

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// The example of c2sp.org/tlog-witness.
const example = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
`

func TestRequestOfTheSpecification(t *testing.T) {
	r, err := parseRequest([]byte(example))
	require.NoError(t, err)
	require.Equal(t, uint64(20852014), r.old)
	require.Len(t, r.proof, 4)
	require.Equal(t, "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=", r.proof[3].String())
	require.True(t, strings.HasPrefix(string(r.signed), "example.com/behind-the-sofa\n20852163\n"))
	require.Equal(t, example, string(r.encode()))
}

// The server compares equal sizes before it asks; the check stands here too.
func TestExtends(t *testing.T) {
	at := func(size uint64, root byte) checkpoint.Checkpoint {
		return checkpoint.Checkpoint{Size: size, Root: tlog.Hash{root}}
	}
	require.True(t, extends(at(3, 1), at(3, 1), nil))
	require.False(t, extends(at(3, 1), at(3, 2), nil))
	require.False(t, extends(at(3, 1), at(3, 1), make([]tlog.Hash, 1)))
	require.False(t, extends(at(4, 1), at(3, 1), nil))
	require.False(t, extends(at(3, 1), at(4, 1), nil))
	require.True(t, extends(at(0, 1), at(4, 1), nil))
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("old 0\n\nx"))
	f.Add(request{old: 1, proof: make([]tlog.Hash, MaxProof)}.encode())
	f.Add(request{old: 1, proof: make([]tlog.Hash, MaxProof+1)}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseRequest(b); err == nil {
			require.Equal(t, string(b), string(r.encode()))
			require.LessOrEqual(t, len(r.proof), MaxProof)
		}
	})
}
