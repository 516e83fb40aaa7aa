package policy_test

import (
	"testing"

	"github.com/deeperpoint/csss/policy"
)

func BenchmarkDecide(b *testing.B) {
	set := load(b, "holloway-tool", "corrway-stamping")
	for _, employer := range set.Employers() {
		request := &set.Tests(employer)[0].Request
		b.Run(employer, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Explain(request)
			}
		})
	}
}

func BenchmarkCompileKnownConditions(b *testing.B) {
	schema := policy.BaseSchema()
	doc := policy.Source{Name: "shop.yaml", Text: []byte(shiftRules)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Compile(schema, doc); err != nil {
			b.Fatal(err)
		}
	}
}
