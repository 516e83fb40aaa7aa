package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

func ExampleParseSchema() {
	_, err := policy.ParseSchema(policy.Source{Name: "shop-schema.yaml", Text: []byte(`apiVersion: csss.policy-schema/v1
attributes:
  - {name: resource.cleanroom, kind: boole}
`)})
	fmt.Println(err)
	schema, err := policy.ParseSchema(policy.Source{Text: []byte(`apiVersion: csss.policy-schema/v1
attributes:
  - {name: resource.cleanroom, kind: bool}
`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = policy.Compile(schema, policy.Source{Name: "shop.yaml", Text: []byte(`apiVersion: csss.policy/v1
employer: shop
version: 1
rules:
  - {id: dusty, effect: forbid, actions: [match], when: "!resource.cleanrom"}
`)})
	fmt.Println(err)
	// Output:
	// policy: shop-schema.yaml:3:38: kind: 'boole' is none of string, strings, int, duration, time, bool, double; did you mean 'bool'?
	// policy: shop.yaml:5:59: unknown attribute 'resource.cleanrom'; did you mean 'resource.cleanroom'?
}

const schemaHead = "apiVersion: csss.policy-schema/v1\nattributes:\n"

func TestASchemaFileDeclaresAttributes(t *testing.T) {
	schema, err := policy.ParseSchema(policy.Source{Text: []byte(schemaHead + `
  - {name: resource.a, kind: string}
  - {name: resource.b, kind: strings}
  - {name: resource.c, kind: int}
  - {name: resource.d, kind: duration}
  - {name: resource.e, kind: time}
  - {name: resource.f, kind: bool, from: engage}
  - {name: resource.g, kind: double, tainted: true}
  - {name: counterparty.h, kind: string}
  - {name: counterparty.i, kind: string, tainted: false, from: reveal}
`)})
	require.NoError(t, err)
	want := map[string]policy.Attribute{}
	for i, kind := range []policy.Kind{policy.KindString, policy.KindStrings, policy.KindInt, policy.KindDuration, policy.KindTime} {
		a := policy.Attr("resource."+string(rune('a'+i)), kind)
		want[a.Name] = a
	}
	want["resource.f"] = policy.Attr("resource.f", policy.KindBool).Since(policy.Engage)
	want["resource.g"] = policy.Counterparty("resource.g", policy.KindDouble)
	want["counterparty.h"] = policy.Counterparty("counterparty.h", policy.KindString)
	want["counterparty.i"] = policy.Counterparty("counterparty.i", policy.KindString).Since(policy.Reveal)
	for _, a := range policy.BaseSchema().Attributes() {
		want[a.Name] = a
	}
	got := map[string]policy.Attribute{}
	for _, a := range schema.Attributes() {
		got[a.Name] = a
	}
	assert.Equal(t, want, got)
}

func TestASchemaFileIsReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"":             "schema:1:1: the document is empty",
		"attributes: ": "schema:1:1: schema: 'apiVersion' is missing",
		"apiVersion: csss.policy/v1\nattributes: []":                          "schema:1:13: apiVersion: 'csss.policy/v1' is none of csss.policy-schema/v1",
		schemaHead + "  - {name: resource.a, kind: int, taint: true}":         "schema:3:35: attribute: unknown key 'taint'; did you mean 'tainted'?",
		schemaHead + "  - {name: resource.a}":                                 "schema:3:5: attribute: 'kind' is missing",
		schemaHead + "  - {kind: int}":                                        "schema:3:5: attribute: 'name' is missing",
		schemaHead + "  - {name: resource.a, kind: none}":                     "schema:3:30: kind: 'none' is none of string, strings, int, duration, time, bool, double",
		schemaHead + "  - {name: A, kind: int}":                               "schema:3:5: attribute \"A\": want two to four lower-case words joined by dots",
		schemaHead + "  - {name: price.rate, kind: int}":                      "schema:3:5: attribute \"price.rate\" is declared twice",
		schemaHead + "  - {name: price.rate.gross, kind: int}":                "schema:3:5: attribute \"price.rate.gross\" and attribute \"price.rate\" contain each other",
		schemaHead + "  - {name: a.b, kind: int}\n  - {name: a.b, kind: int}": "schema:4:5: attribute \"a.b\" is declared twice",
		schemaHead + "  - {name: a.b, kind: int, from: process_externally}":   "schema:3:5: attribute \"a.b\" is released from \"process_externally\", which is no step of a deal",
		schemaHead + "  - {name: a.b, kind: int, from: reveel}":               "schema:3:34: action: 'reveel' is none of",
		schemaHead + "  - {name: a.b, name: a.c, kind: int}":                  "schema:3:17: key 'name' is given twice, first on line 3",
		schemaHead + "  - &x {name: a.b, kind: int}":                          "schema:3:5: anchors are not allowed",
		schemaHead + "  - [a.b]":                                              "schema:3:5: attribute: want an object, got a list",
		schemaHead + "  - {name: a.b, kind: int, tainted: yes}":               "schema:3:37: tainted: want true or false",
		schemaHead + "  - {name: 7, kind: int}":                               "schema:3:12: name: want text, got a whole number",
		schemaHead + strings.Repeat("  - {name: a.b, kind: int}\n", 300):      "schema:3:3: attributes: 300 items, at most 256",
	} {
		_, err := policy.ParseSchema(policy.Source{Text: []byte(text)})
		bad, ok := err.(*policy.Errors)
		require.True(t, ok, "%q: %v", text, err)
		found := false
		for _, e := range bad.List {
			found = found || strings.HasPrefix(e.Error(), want)
		}
		assert.True(t, found, "%v\nwant %s", err, want)
	}
}

func FuzzParseSchema(f *testing.F) {
	for _, rows := range []string{"", "  - {name: a.b, kind: int}", "  - {name: counterparty.b, kind: time, from: reveal}", "  - {name: a.b, kind: bool, tainted: true}"} {
		f.Add([]byte(schemaHead + rows))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		schema, err := policy.ParseSchema(policy.Source{Text: text})
		if (schema == nil) == (err == nil) {
			t.Fatal("neither a schema nor an error, or both")
		}
	})
}
