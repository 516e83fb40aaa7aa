package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/deeperpoint/csss/disclosure/redteam"
	"github.com/deeperpoint/csss/internal/target"
)

// scores is what each attacker learnt.
type scores []redteam.Score

func (s scores) String() string {
	var out []string
	for _, one := range s {
		out = append(out, fmt.Sprintf("%s %.2f bits", one.Attacker, one.Bits))
	}
	return strings.Join(out, ", ")
}

// firmsAround is how many firms stand around the planted ones.
const firmsAround = 300

// attacked lets the attackers loose on an exchange at its defaults.
func (b *disclosureBench) attacked(ctx context.Context) (finding, error) {
	by, err := redteam.Pick(b.attackers...)
	if err != nil {
		return finding{}, err
	}
	got, err := redteam.Run(ctx, &target.Exchange{Seed: b.seed, Firms: firmsAround}, &redteam.Options{Seed: b.seed, Probes: b.probes, Attackers: by})
	f := finding{Score: scores(got)}
	f.Count, f.Violations, f.Broken = redteam.Total(got)
	return f, err
}
