package world

import (
	"math/rand/v2"
	"strings"
)

// Names are built from sounds that make no English word and no word of the
// trade: a leak of one is then never a coincidence.
var (
	nameStarts = []string{"Bral", "Quor", "Zel", "Vex", "Tym", "Drun", "Khes", "Yol", "Fenq",
		"Jorv", "Lugh", "Mabb", "Nyx", "Obrh", "Pryd", "Rhov",
		"Skeg", "Thrax", "Ulv", "Wyz", "Xan", "Grym", "Hjel", "Iqu", "Cwm", "Azq"}
	nameMiddles = []string{"ami", "eko", "ido", "oza", "uve", "yri", "abe", "evu", "ixa", "oqe", "uzi", "azo", "efy", "ogu", "yva"}
	firmEnds    = []string{"vane", "drix", "kwell", "thmoor", "zand", "bryn", "lisk", "querm", "dovar", "ghast", "mbrey", "xford"}
	surnameEnds = []string{"vitz", "ssen", "kova", "dottir", "ndez", "ghari", "zewski", "quist", "bauer", "nyi", "ttori", "lainen"}
	firmTrades  = []string{"Precision", "Tool", "Machining", "Machine Works", "Manufacturing",
		"Industries", "Systems", "Components", "Metals", "Products", "Dynamics", "Fabricating"}
	nameInitials = "ABCDEFGHJKLMNOPRSTVWYZ"
)

// namer draws names and never draws one twice.
type namer struct {
	rng  *rand.Rand
	used map[string]bool
}

func (n *namer) word(ends []string) string {
	for middles := 1; ; middles++ {
		for range 50 {
			parts := []string{pick(n.rng, nameStarts)}
			for range middles {
				parts = append(parts, pick(n.rng, nameMiddles))
			}
			w := strings.Join(append(parts, pick(n.rng, ends)), "")
			if !n.used[w] {
				n.used[w] = true
				return w
			}
		}
	}
}

func (n *namer) firm() string { return n.word(firmEnds) + " " + pick(n.rng, firmTrades) }

func (n *namer) person() string {
	return string(nameInitials[n.rng.IntN(len(nameInitials))]) + ". " + n.word(surnameEnds)
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// weighted draws an index in proportion to its weight, all of them above 0.
func weighted[T any](rng *rand.Rand, from []T, weight func(*T) int) *T {
	sum := 0
	for i := range from {
		sum += weight(&from[i])
	}
	at := rng.IntN(sum)
	for i := range from {
		if at -= weight(&from[i]); at < 0 {
			return &from[i]
		}
	}
	return &from[len(from)-1]
}

// some draws between lo and hi different elements, in their order.
func some[T any](rng *rand.Rand, from []T, lo, hi int) []T {
	hi = min(hi, len(from))
	n := min(lo, hi)
	if hi > n {
		n += rng.IntN(hi - n + 1)
	}
	var out []T
	for i, v := range from {
		if rng.IntN(len(from)-i) < n-len(out) {
			out = append(out, v)
		}
	}
	return out
}
