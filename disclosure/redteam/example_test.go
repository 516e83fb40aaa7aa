package redteam_test

import (
	"context"
	"fmt"

	"github.com/deeperpoint/csss/disclosure/redteam"
)

// Two attackers against a market that forgets what it has answered.
func ExampleRun() {
	by, err := redteam.Pick("bisect", "peek")
	if err != nil {
		fmt.Println(err)
		return
	}
	scores, err := redteam.Run(context.Background(), toy{flaw: "no first answer", k: 5}, &redteam.Options{Attackers: by})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range scores {
		fmt.Println(s)
	}
	fmt.Println(scores[0].Notes[0])
	// Output:
	// bisect          1336 probes    4.00 bits   12 violations
	// peek             112 probes    0.00 bits    0 violations
	// price: 4.00 bits by asking halving
}

// An attacker of one's own: does the market tell that a question was asked
// before?
func ExampleAttacker() {
	parrot := redteam.Attacker{
		Name:   "parrot",
		Claims: "the same question is answered differently the second time",
		Attack: func(_ context.Context, c *redteam.Campaign) error {
			f, err := c.Open(redteam.Usual(c.Seed, c.K))
			if err != nil {
				return err
			}
			var told [2]redteam.Transcript
			for i := range told {
				told[i].Add(f.Do(redteam.Move{Verb: redteam.Ask, Thing: fmt.Sprint("need-", i), Question: redteam.UsualQuestion()}))
			}
			if d := redteam.Differ(told[0].String(), told[1].String()); d != "" {
				c.Violate("%s", d)
			}
			return nil
		},
	}
	scores, err := redteam.Run(context.Background(), toy{k: 5}, &redteam.Options{Attackers: []redteam.Attacker{parrot}})
	fmt.Println(scores[0], err)
	// Output:
	// parrot             2 probes    0.00 bits    0 violations <nil>
}

// Why there is a budget: rounding alone does not protect a vector of 256
// dimensions. The columns are 8, 64 and 256 queries.
func ExampleSimulate() {
	for _, r := range redteam.Replies() {
		fmt.Println(redteam.Row(r, 256, []int{8, 64, 256}, 3, 1))
	}
	// Output:
	// exact score           0.19  0.53  1.00
	// rounded to 0.01       0.19  0.53  0.95
	// rounded to 0.05       0.19  0.51  0.83
	// 3 bands               0.17  0.44  0.72
	// sign only             0.16  0.41  0.62
	// only in the top 2 %   0.04  0.17  0.37
}

func ExampleScanner() {
	s := redteam.NewScanner([]string{"Zephyrine Tool"})
	for _, h := range s.Scan([]byte(`{"who":"looT eniryhpeZ","id":"5a6570687972696e6520546f6f6c"}`)) {
		fmt.Println(h.Form, h.At)
	}
	// Output:
	// reversed 8
	// hex 30
}
