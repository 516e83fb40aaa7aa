package policy_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/deeperpoint/csss/policy"
)

// workload is a market of rules: rule i belongs to employer i/10 and category i%10, every tenth is a forbid, and each
// has eight conditions. Shapes bounds how many different sentences there are; their numbers and words differ by rule.
func workload(rules, shapes int) []policy.Source {
	var docs []policy.Source
	for first := 0; first < rules; first += 10 {
		var b strings.Builder
		fmt.Fprintf(&b, "apiVersion: csss.policy/v1\nemployer: employer-%d\nversion: 1\nrules:\n", first/10)
		for i := first; i < min(first+10, rules); i++ {
			effect, approval := "permit", ", approval: auto"
			if i%10 == 9 {
				effect, approval = "forbid", ""
			}
			fmt.Fprintf(&b, "  - {id: rule-%d, effect: %s, actions: [match], categories: [work.c%d]%s,\n     when: '%s'}\n",
				i, effect, i%10, approval, sentence(i, shapes))
		}
		docs = append(docs, policy.Source{Name: fmt.Sprintf("employer-%d.yaml", first/10), Text: []byte(b.String())})
	}
	return docs
}

// sentence has eight conditions. Which attributes they read and how they are joined depends on i modulo shapes.
func sentence(i, shapes int) string {
	shape := i % shapes
	clauses := []string{
		fmt.Sprintf(`request.mode == "%s"`, [...]string{"remote", "on_site"}[i%2]),
		fmt.Sprintf(`price.rate >= %d`, 5000+i%7*500),
		fmt.Sprintf(`price.currency == "%s"`, "CAD"),
		fmt.Sprintf(`request.distance_km <= %d`, 40+i%5*30),
		fmt.Sprintf(`counterparty.trust >= %.2f`, 0.2+float64(i%4)/10),
		`"as9100d" in counterparty.certifications`,
		fmt.Sprintf(`counterparty.country in ["CA", "%s"]`, [...]string{"US", "MX"}[i%2]),
		fmt.Sprintf(`request.per_week <= duration("%dh")`, 4+i%6),
	}
	for bit := range 8 { // one bit of the shape turns one clause around, the rest of it adds to the sentence
		if shape>>bit&1 == 1 {
			clauses[bit] = "!(!(" + clauses[bit] + "))"
		}
	}
	if more := shape >> 8; more > 0 {
		clauses[more%8] = "(" + clauses[more%8] + strings.Repeat(" || price.amount < 0", 1+more/8) + ")"
	}
	return strings.Join(clauses, " && ")
}

// questions are requests that the workload's rules are asked, the same for every run.
func questions(rules, n int) []*policy.Request {
	rng := rand.New(rand.NewPCG(1, 2))
	list := make([]*policy.Request, n)
	for q := range list {
		i := rng.IntN(rules)
		rate, km := 5000+rng.IntN(8)*500, rng.IntN(150)
		attrs := policy.Attrs{
			"request.mode":                policy.String([...]string{"remote", "on_site"}[(i+rng.IntN(8)/7)%2]),
			"price.rate":                  policy.Int(int64(rate)),
			"price.amount":                policy.Int(int64(10 * rate)),
			"price.currency":              policy.String("CAD"),
			"request.distance_km":         policy.Int(int64(km)),
			"counterparty.trust":          policy.Double(0.3 + float64(rng.IntN(8))/10),
			"counterparty.certifications": policy.Strings("iso9001", "as9100d"),
			"counterparty.country":        policy.String("CA"),
			"request.per_week":            policy.Duration(time.Duration(1+rng.IntN(6)) * time.Hour),
		}
		list[q] = &policy.Request{
			Employer: fmt.Sprintf("employer-%d", i/10), Action: policy.Match, Category: fmt.Sprintf("work.c%d", i%10),
			Now: noon, Attrs: attrs,
		}
	}
	return list
}

func BenchmarkLoad(b *testing.B) {
	for _, c := range []struct{ rules, shapes int }{{10_000, 1}, {10_000, 50}, {10_000, 10_000}} {
		b.Run(fmt.Sprintf("rules=%d/shapes=%d", c.rules, c.shapes), func(b *testing.B) {
			docs := workload(c.rules, c.shapes)
			before := inUse()
			var set *policy.Set
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if set, err = policy.Compile(policy.BaseSchema(), docs...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(inUse()-before)/1e6, "MB-kept")
			runtime.KeepAlive(set)
			runtime.KeepAlive(docs)
		})
	}
}

// inUse returns the bytes of the heap that are in use.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
